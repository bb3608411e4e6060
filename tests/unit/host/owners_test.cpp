#include "host/owners.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace rtnode::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct KernelOwners : testing::Test {
    void write(const std::string& path, const std::string& text) const {
        const auto file = folder.path / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    std::vector<KernelOwner> all() const { return kernel_owners(folder.path); }

    TempFolder folder;
};

constexpr const char* current_config = "etc/machine-config-daemon/currentconfig";

TEST_F(KernelOwners, OfANodeOfItsOwnAreNone) {
    EXPECT_THAT(all(), IsEmpty());
}

TEST_F(KernelOwners, TheMachineConfigDaemonSetsWhatItsCurrentConfigSays) {
    write(current_config, R"({"kind": "MachineConfig", "metadata": {"name": "rendered-worker-rt-1"}, "spec": {
        "kernelType": "realtime", "osImageURL": "quay.io/x",
        "kernelArguments": ["nohz=on", "hugepagesz=1G hugepages=4", "dyndbg=\"file a.c +p\""]}})");
    EXPECT_THAT(all(), ElementsAre(KernelOwner{
                           .name = "machine-config daemon",
                           .evidence = "/etc/machine-config-daemon/currentconfig",
                           .arguments = {"nohz=on", "hugepagesz=1G", "hugepages=4", "dyndbg=\"file a.c +p\""},
                           .kernel_type = "realtime",
                           .note = ""}));
}

TEST_F(KernelOwners, AMachineConfigWithoutArgumentsStillHasItsDaemon) {
    write(current_config, R"({"spec": {"kernelArguments": null, "kernelType": ""}})");
    ASSERT_THAT(all(), SizeIs(1));
    EXPECT_THAT(all().front().arguments, IsEmpty());
    EXPECT_EQ(all().front().note, "");
}

TEST_F(KernelOwners, ACurrentConfigThatCannotBeUnderstoodIsANote) {
    for (const auto* odd : {"{", "[]", "7", "{}", R"({"spec": 7})"}) {
        write(current_config, odd);
        ASSERT_THAT(all(), SizeIs(1)) << odd;
        EXPECT_THAT(all().front().note, HasSubstr("unknown")) << odd;
    }
    write(current_config, R"({"spec": {"kernelArguments": [7, "quiet"], "kernelType": 7}})");
    EXPECT_THAT(all().front().arguments, ElementsAre("quiet"));
}

TEST_F(KernelOwners, TheMachineConfigDaemonIsThereBeforeItsFirstConfigIs) {
    write("etc/machine-config-daemon/node-annotations.json", "{}");
    ASSERT_THAT(all(), SizeIs(1));
    EXPECT_EQ(all().front().evidence, "/etc/machine-config-daemon");
    EXPECT_THAT(all().front().note, HasSubstr("no currentconfig"));
}

TEST_F(KernelOwners, TunedSetsWhatItsBootCommandLineSays) {
    write("etc/tuned/active_profile", "realtime\n");
    write("etc/tuned/bootcmdline", "# a comment\nTUNED_BOOT_CMDLINE=\"old\"\nTUNED_BOOT_INITRD_ADD=\"\"\n"
                                   "TUNED_BOOT_CMDLINE=\"isolcpus=managed_irq,domain,2-3 nosoftlockup\"\n");
    EXPECT_THAT(all(), ElementsAre(KernelOwner{.name = "TuneD",
                                               .evidence = "/etc/tuned/bootcmdline",
                                               .arguments = {"isolcpus=managed_irq,domain,2-3", "nosoftlockup"},
                                               .note = "profile realtime"}));
}

TEST_F(KernelOwners, TunedWithoutArgumentsOwnsWhatItSetsAtRunTime) {
    write("etc/tuned/active_profile", "balanced\n");
    write("etc/tuned/bootcmdline", "TUNED_BOOT_CMDLINE=\n");
    EXPECT_THAT(all(), ElementsAre(KernelOwner{
                           .name = "TuneD", .evidence = "/etc/tuned/active_profile", .note = "profile balanced"}));
    write("etc/tuned/active_profile", "\n");
    EXPECT_THAT(all(), IsEmpty()) << "off";
}

TEST_F(KernelOwners, AnOpenshiftProfileOfTunedIsTheNodeTuningOperators) {
    write("etc/tuned/active_profile", "openshift-node-performance-rt\n");
    EXPECT_EQ(all().at(0).name, "node tuning operator");
}

TEST_F(KernelOwners, TheNodeTuningOperatorLeavesItsProfilesName) {
    write("var/lib/ocp-tuned/recommend.d/50-openshift.conf", "[openshift-node-performance-rt]\n");
    ASSERT_THAT(all(), SizeIs(1));
    EXPECT_EQ(all().front().evidence, "/var/lib/ocp-tuned");
    EXPECT_THAT(all().front().note, HasSubstr("profile openshift-node-performance-rt"));
}

TEST_F(KernelOwners, BootcsDropInsAreReadInTheOrderOfTheirNames) {
    write("usr/lib/bootc/kargs.d/20-b.toml", "match-architectures = [\"aarch64\", \"x86_64\"]\n"
                                             "kargs = [ # \"not this\"\n  'nohz=on',\n  \"a=\\\"b c\\\"\",\n]\n");
    write("usr/lib/bootc/kargs.d/10-a.toml", "kargs=[\"quiet\"]\n");
    write("usr/lib/bootc/kargs.d/30-c.toml", "kargs = [\"nosmt\"]\nmatch-architectures = [\"aarch64\"]\n");
    write("usr/lib/bootc/kargs.d/README", "kargs = [\"no\"]\n");
    const auto owners = all();
    ASSERT_THAT(owners, SizeIs(2)) << "one is for another architecture";
    EXPECT_EQ(owners[0].evidence, "/usr/lib/bootc/kargs.d/10-a.toml");
    EXPECT_THAT(owners[0].arguments, ElementsAre("quiet"));
    EXPECT_THAT(owners[1].arguments, ElementsAre("nohz=on", "a=\"b c\""));
}

TEST_F(KernelOwners, ABrokenDropInIsANoteOrWhatCouldBeRead) {
    write("usr/lib/bootc/kargs.d/a.toml", "kargs = \"quiet\"\n");
    write("usr/lib/bootc/kargs.d/b.toml", "kargs = [\"quiet\", \"nosmt");
    EXPECT_THAT(all().at(0).note, HasSubstr("no list"));
    EXPECT_THAT(all().at(1).arguments, ElementsAre("quiet", "nosmt"));
}

TEST_F(KernelOwners, SourcesThatABootEntryNamesAreToldOnce) {
    const std::string entry = "title x\noptions root=UUID=1 nohz=on\nx-options-source-tuned nohz=on isolcpus=1-3\n";
    write("boot/loader/entries/ostree-1-rhcos.conf", entry);
    write("boot/loader/entries/ostree-2-rhcos.conf", entry + "x-options-source-admin\n");
    const auto owners = all();
    ASSERT_THAT(owners, SizeIs(2));
    EXPECT_EQ(owners[0].name, "boot entry source admin");
    EXPECT_THAT(owners[0].arguments, IsEmpty());
    EXPECT_THAT(owners[1].arguments, ElementsAre("nohz=on", "isolcpus=1-3"));
}

} // namespace
} // namespace rtnode::host
