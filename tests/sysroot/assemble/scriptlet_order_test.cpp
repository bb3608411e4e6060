// Scriptlets of every kind, triggers and file triggers, in the order and with the arguments that rpm itself gives them.

#include "node.hpp"

#include <sstream>

using namespace rtnode;
using namespace rtnode::test;
using testing::Contains;
using testing::Not;

namespace {

constexpr const char* log_path = "/usr/share/scriptlets/log";

/// All scriptlets of a package, each of which writes its name, its count of packages and, of a file trigger, the files
/// that it was given. `watched` is another package's name.
std::string scriptlets(const std::string& name, const std::string& watched) {
    std::string text;
    for (const auto* kind : {"pre", "post", "preun", "postun", "posttrans"})
        text += fmt::format("%{} -p /bin/sh\necho '{} {}' $1 >>{}\n", kind, name, kind, log_path);
    for (const auto* kind : {"triggerprein", "triggerin", "triggerun", "triggerpostun"})
        text += fmt::format("%{} -p /bin/sh -- {}\necho '{} {} {}' $1 $2 >>{}\n", kind, watched, name, kind, watched,
                            log_path);
    for (const auto* kind : {"filetriggerin", "filetriggerun", "filetriggerpostun", "transfiletriggerin",
                             "transfiletriggerun", "transfiletriggerpostun"})
        text += fmt::format("%{} -p /bin/sh -- /usr/share/watched\necho '{} {}' $(sort) >>{}\n", kind, name, kind,
                            log_path);
    return text + fmt::format("%pretrans -p <lua>\nlocal log = io.open('{}', 'a')\nlog:write('{} pretrans\\n')\n"
                              "log:close()\n",
                              log_path, name);
}

class ScriptletOrder : public OnNode {
  protected:
    PackageFileOnDisk package_of(const std::string& name, const std::string& version, const std::string& watched,
                                 const std::string& tags = {}) const {
        return built(name,
                     fmt::format("{0}{1}%install\nmkdir -p %{{buildroot}}/usr/share/watched "
                                 "%{{buildroot}}/usr/share/scriptlets\ntouch %{{buildroot}}/usr/share/watched/{2}-{3}\n"
                                 "%files\n/usr/share/watched/{2}-{3}\n%dir /usr/share/scriptlets\n",
                                 tags, scriptlets(name + "-" + version, watched), name, version),
                     version);
    }

    /// By rpm itself, into a tree as it lies in a checkout.
    static void install_by_rpm(const fs::path& tree, const std::vector<PackageFileOnDisk>& packages) {
        fs::create_directory_symlink("usr/etc", tree / "etc");
        fs::create_directories(tree / "var/tmp");
        std::string command =
            fmt::format("rpm --root {} --dbpath /usr/share/rpm --define '_db_backend sqlite' --upgrade "
                        "--nosignature --nodeps --quiet",
                        tree.string());
        for (const auto& package : packages)
            command += " " + package.path.string();
        if (std::system((command + " 2>/dev/null").c_str()) != 0) throw std::runtime_error(command);
        fs::remove(tree / "etc");
        fs::remove_all(tree / "var");
        rpm::seal_database(tree / "usr/share/rpm");
    }

    static std::vector<std::string> log_of(const fs::path& usr) {
        std::istringstream text(file_text(usr / "share/scriptlets/log"));
        std::vector<std::string> lines;
        for (std::string line; std::getline(text, line);)
            lines.push_back(line);
        return lines;
    }
};

} // namespace

TEST_F(ScriptletOrder, IsWhatRpmDoes) {
    const auto tree = work_on_checkout();
    const auto log = tree / "usr/share/scriptlets/log";
    fs::create_directories(log.parent_path());
    std::ofstream(log).close();
    // The second needs the first, and each watches another; the third goes when the new fourth comes in its place.
    install_by_rpm(tree, {package_of("first", "1", "second"), package_of("second", "1", "third", "Requires: first\n"),
                          package_of("third", "1", "first")});
    ASSERT_THAT(log_of(tree / "usr"), Contains("first-1 post 1"));
    std::ofstream(log, std::ios::trunc).close();
    const auto theirs = folder / "theirs";
    fs::copy(tree, theirs, fs::copy_options::recursive | fs::copy_options::copy_symlinks);

    assembly.install = {package_of("second", "2", "third", "Requires: first\n"), package_of("first", "2", "second"),
                        package_of("fourth", "2", "first", "Requires: second\nObsoletes: third\n")};
    assembly.erase = {Nevra::parse("third-1-1.noarch")};
    const auto result = assemble::assemble(assembly, heard);
    install_by_rpm(theirs, assembly.install);

    EXPECT_EQ(log_of(result.upper / "usr"), log_of(theirs / "usr"));
    EXPECT_THAT(log_of(theirs / "usr"), Contains("fourth-2 post 1"));
    EXPECT_THAT(log_of(theirs / "usr"), Contains("third-1 preun 0"));
    EXPECT_THAT(log_of(theirs / "usr"), Not(Contains("third-1 preun 1")));
}
