// A package with files in /opt and /boot, which a tree holds elsewhere.

#include "node.hpp"

using namespace rtnode;
using namespace rtnode::test;
using testing::Contains;
using testing::HasSubstr;

namespace {

class OutsideUsr : public OnNode {
  protected:
    OutsideUsr() {
        assembly.install = {built("outside", R"SPEC(%install
mkdir -p %{buildroot}/opt/outside/bin %{buildroot}/boot/outside %{buildroot}/var/lib/outside
echo tool >%{buildroot}/opt/outside/bin/tool
echo menu >%{buildroot}/boot/outside/menu
echo state >%{buildroot}/var/lib/outside/state
%post
test "$(cat /opt/outside/bin/tool)" = tool || exit 1
echo made >/opt/outside/made
echo made >/boot/outside/made
%files
%dir %attr(0750,root,root) /opt/outside
%dir /opt/outside/bin
%attr(4755,root,root) /opt/outside/bin/tool
%attr(0600,root,root) /boot/outside/menu
%dir /var/lib/outside
/var/lib/outside/state
)SPEC")};
    }

    static unsigned mode_of(const fs::path& path) { return static_cast<unsigned>(fs::status(path).permissions()); }
};

} // namespace

TEST_F(OutsideUsr, OptAndBootLieInTheTreeWhereRpmOstreeHasThem) {
    const auto result = assemble::assemble(assembly, heard);
    const auto opt = result.upper / "usr/lib/opt/outside";
    EXPECT_EQ(file_text(opt / "bin/tool"), "tool\n");
    EXPECT_EQ(mode_of(opt), 0750U);
    EXPECT_EQ(mode_of(opt / "bin/tool"), 04755U);
    EXPECT_EQ(file_text(opt / "made"), "made\n") << "its scriptlets saw it in /opt";
    const auto boot = result.upper / "usr/lib/ostree-boot/outside";
    EXPECT_EQ(file_text(boot / "menu"), "menu\n");
    EXPECT_EQ(mode_of(boot / "menu"), 0600U);
    EXPECT_FALSE(fs::exists(boot / "made")) << "no package's";
    EXPECT_EQ(file_text(result.upper / "usr/lib/tmpfiles.d/pkg-outside.conf"),
              "L /opt/outside - - - - ../../usr/lib/opt/outside\nd /var/lib/outside 0755 root root - -\n");
    EXPECT_FALSE(fs::exists(result.upper / "opt"));
    EXPECT_FALSE(fs::exists(result.upper / "boot"));
    EXPECT_FALSE(fs::exists(result.upper / "var"));
}

TEST_F(OutsideUsr, WhatTheBaseHasInOptIsThereForRpmToo) {
    const auto tree = work_on_checkout();
    fs::create_directories(tree / "usr/lib/opt/outside/bin");
    std::ofstream(tree / "usr/lib/opt/outside/bin/tool") << "the base's\n";
    const auto result = assemble::assemble(assembly, heard);
    EXPECT_EQ(file_text(result.upper / "usr/lib/opt/outside/bin/tool"), "tool\n");
    EXPECT_EQ(file_text(tree / "usr/lib/opt/outside/bin/tool"), "the base's\n") << "replaced, not written to";
}
