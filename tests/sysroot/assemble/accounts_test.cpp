// A package whose scriptlet adds a user, and whose files belong to it.

#include "node.hpp"

#include <fstream>

using namespace rtnode;
using namespace rtnode::test;
using testing::HasSubstr;
using testing::Not;

namespace {

class Accounts : public OnNode {
  protected:
    Accounts() {
        // One's own, which may be given accounts; the node of all tests has none in usr/lib.
        tree = work_on_checkout();
        assembly.install = {package_with_user()};
    }

    PackageFileOnDisk package_with_user() const {
        return built("with-user", R"(%install
mkdir -p %{buildroot}/usr/share/with-user
echo x >%{buildroot}/usr/share/with-user/file
%pre
useradd --system --no-create-home with-user
%files
%attr(0640,with-user,with-user) /usr/share/with-user/file
)");
    }

    static std::string line_of(const fs::path& accounts, const std::string& name) {
        std::ifstream lines(accounts);
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with(name + ":")) return line;
        return {};
    }

    fs::path tree;
};

TEST_F(Accounts, GoToTheTreesOwnWhereItKeepsThemApart) {
    for (const auto* name : {"passwd", "group"})
        fs::rename(tree / "usr/etc" / name, tree / "usr/lib" / name);
    std::ofstream(tree / "usr/etc/passwd") << "root:x:0:0:root:/root:/bin/bash\n";
    std::ofstream(tree / "usr/etc/group") << "root:x:0:\n";
    assembly.node_etc = folder / "node-etc";
    fs::create_directory(assembly.node_etc);
    std::ofstream(assembly.node_etc / "passwd") << "neighbour:x:1000:1000::/:/bin/bash\n";

    const auto result = assemble::assemble(assembly, heard);

    const auto line = line_of(result.upper / "usr/lib/passwd", "with-user");
    EXPECT_THAT(line, HasSubstr("with-user:x:"));
    EXPECT_NE(line_of(result.upper / "usr/lib/group", "with-user"), "");
    EXPECT_THAT(file_text(result.upper / "usr/lib/passwd"), Not(HasSubstr("neighbour")))
        << "the node's stay the node's";
    EXPECT_EQ(file_text(result.upper / "usr/etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n");
    EXPECT_EQ(file_text(result.upper / "usr/etc/shadow"), file_text(tree / "usr/etc/shadow"));
    EXPECT_FALSE(fs::exists(result.upper / "usr/etc/.rtnode-accounts"));
    struct stat facts {};
    ASSERT_EQ(::lstat((result.upper / "usr/share/with-user/file").c_str(), &facts), 0);
    EXPECT_THAT(line, HasSubstr(fmt::format(":x:{}:{}:", facts.st_uid, facts.st_gid)));
}

TEST_F(Accounts, GoToEtcInATreeThatKeepsThemThere) {
    const auto result = assemble::assemble(assembly, heard);
    EXPECT_NE(line_of(result.upper / "usr/etc/passwd", "with-user"), "");
    EXPECT_FALSE(fs::exists(result.upper / "usr/lib/passwd"));
}

} // namespace
