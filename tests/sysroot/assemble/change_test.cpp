// Changes that work: what the new tree holds afterwards.

#include "assemble/initramfs.hpp"
#include "node.hpp"

using namespace rtnode;
using namespace rtnode::test;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using AssemblyOfAChange = OnNode;

TEST_F(AssemblyOfAChange, SwapsTheKernelAndReplacesTheMicrocodeInOneTree) {
    const auto before = state_of(base());
    const auto rt = facts().at("kernels").at("rt_new").at("kver").get<std::string>();
    const auto stock = facts().at("kernels").at("stock").at("kver").get<std::string>();
    swap_kernel();
    assembly.install.push_back(newer_microcode());

    const auto result = assemble::assemble(assembly, heard);

    EXPECT_EQ(result.kernel_version, rt);
    EXPECT_EQ(result.upper, assembly.work_folder / "upper");
    EXPECT_GT(result.peak_memory, 0u);
    RecordProperty("peak_memory_bytes", std::to_string(result.peak_memory));
    std::vector<std::string> names;
    for (const auto& nevra : result.packages)
        names.push_back(nevra.name);
    EXPECT_THAT(names, Contains("kernel-rt-core"));
    EXPECT_THAT(names, Not(Contains("kernel-core")));
    EXPECT_THAT(result.packages, Contains(assembly.install.back().nevra));

    const auto modules = result.upper / "usr/lib/modules";
    for (const auto* file : {"vmlinuz", "initramfs.img", "modules.dep", "modules.dep.bin"})
        EXPECT_TRUE(fs::exists(modules / rt / file)) << file;
    EXPECT_TRUE(fs::is_character_file(modules / stock)) << "a whiteout: the old kernel's folder is gone as a whole";
    EXPECT_EQ(fs::status(modules / rt / "initramfs.img").permissions(), fs::perms{0600});
    const auto initramfs = assemble::read_initramfs(modules / rt / "initramfs.img");
    EXPECT_THAT(initramfs.early, Contains(testing::Key("kernel/x86/microcode/AuthenticAMD.bin")));
    EXPECT_THAT(initramfs.main, Contains("dev/urandom"));
    std::ifstream digest(modules / rt / ".vmlinuz.hmac");
    std::string value, name;
    digest >> value >> name;
    EXPECT_THAT(name, Not(HasSubstr("/"))) << "not the path of a /boot that an OSTree node doesn't have";
    EXPECT_THAT(name, testing::StartsWith("vmlinuz"));

    std::vector<std::string> rpmdb;
    for (const auto& entry : fs::directory_iterator(result.upper / "usr/share/rpm"))
        if (!fs::is_character_file(entry.symlink_status())) rpmdb.push_back(entry.path().filename());
    EXPECT_THAT(rpmdb, ElementsAre("rpmdb.sqlite")) << "no side files";
    EXPECT_THAT(heard.steps, ElementsAre("Running pre scripts", "Running post scripts", "Running posttrans scripts",
                                         "Writing rpmdb", "Generating initramfs"));
    EXPECT_THAT(heard.lines, Contains(HasSubstr("kernel-rt-core.posttrans: kernel-install add")))
        << "output is booked to its scriptlet, and kernel-install is left out";
    for (const auto& entry : fs::directory_iterator(result.upper))
        EXPECT_EQ(entry.path().filename(), "usr") << "a tree is its usr";
    EXPECT_EQ(state_of(base()), before) << "the base is as it was";
}

TEST_F(AssemblyOfAChange, WorksOnACheckoutToo) {
    work_on_checkout();
    const auto before = state_of(assembly.lower);
    for (const auto& entry : fs::directory_iterator(node() / "repo2"))
        if (entry.path().extension() == ".rpm")
            assembly.install.push_back(package("repo2/" + entry.path().filename().string()));

    const auto result = assemble::assemble(assembly, heard);

    for (const auto& package : assembly.install)
        EXPECT_THAT(result.packages, Contains(package.nevra));
    EXPECT_EQ(result.kernel_version, facts().at("kernels").at("stock").at("kver").get<std::string>());
    EXPECT_THAT(heard.steps, Not(Contains("Generating initramfs"))) << "neither kernel nor microcode changed";
    for (const auto& entry : fs::directory_iterator(result.upper))
        EXPECT_EQ(entry.path().filename(), "usr");
    EXPECT_EQ(state_of(assembly.lower), before);
}

TEST_F(AssemblyOfAChange, RegeneratesTheInitramfsForNewMicrocodeOnTheSameKernel) {
    assembly.install = {newer_microcode()};
    assembly.regenerate_initramfs = true;

    const auto result = assemble::assemble(assembly, heard);

    const auto stock = facts().at("kernels").at("stock").at("kver").get<std::string>();
    EXPECT_EQ(result.kernel_version, stock);
    const auto modules = result.upper / "usr/lib/modules" / stock;
    std::vector<std::string> changed;
    for (const auto& entry : fs::directory_iterator(modules))
        changed.push_back(entry.path().filename());
    EXPECT_THAT(changed, ElementsAre("initramfs.img"));
    const auto before = assemble::read_initramfs(base() / "usr/lib/modules" / stock / "initramfs.img");
    const auto after = assemble::read_initramfs(modules / "initramfs.img");
    EXPECT_NE(after.early, before.early);
}

TEST_F(AssemblyOfAChange, MakesEqualInitramfsesOfEqualInput) {
    assembly.regenerate_initramfs = true;
    const auto image = [&] {
        const auto result = assemble::assemble(assembly, heard);
        std::ifstream file(result.upper / "usr/lib/modules" / result.kernel_version / "initramfs.img",
                           std::ios::binary);
        std::string content{std::istreambuf_iterator<char>(file), {}};
        fs::remove_all(assembly.work_folder);
        fs::create_directory(assembly.work_folder);
        return content;
    };
    const auto first = image();
    EXPECT_TRUE(first == image());
    EXPECT_GT(first.size(), 1'000'000u);
}
