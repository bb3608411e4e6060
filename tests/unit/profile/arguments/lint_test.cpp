#include "profile/arguments/lint.hpp"
#include "profile/arguments/table.hpp"
#include "topologies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::profile {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Kind = Remark::Kind;
using Tokens = std::vector<std::string>;

const auto el8_1 = TargetKernel::parse("4.18.0-147.rt24.93.el8.x86_64");
const auto el8_4 = TargetKernel::parse("4.18.0-305.el8.x86_64");
const auto el9_4 = TargetKernel::parse("5.14.0-427.13.1.el9_4.x86_64");
const auto el9_4_rt = TargetKernel::parse("5.14.0-427.13.1.el9_4.x86_64+rt");
const NodeTopology sixteen = machine({.cores = 16});

/// Remarks on one of several tokens.
std::vector<Remark> on(const std::string& token, const Tokens& tokens, const TargetKernel& kernel = el9_4,
                       const NodeTopology& node = sixteen) {
    auto all = remarks(tokens, kernel, node);
    std::erase_if(all, [&](const Remark& remark) { return remark.token != token; });
    return all;
}

std::vector<Remark> on(const std::string& token, const TargetKernel& kernel = el9_4,
                       const NodeTopology& node = sixteen) {
    return on(token, Tokens{token}, kernel, node);
}

auto remark(Severity severity, Kind kind, const std::string& text) {
    return AllOf(Field(&Remark::severity, severity), Field(&Remark::kind, kind), Field(&Remark::text, HasSubstr(text)));
}

TEST(ArgumentLint, HasNothingToSayOfAGoodLine) {
    EXPECT_THAT(remarks({"skew_tick=1", "tsc=reliable", "rcupdate.rcu_normal_after_boot=1", "nohz=on", "rcu_nocbs=2-15",
                         "systemd.cpu_affinity=0,1", "intel_iommu=on", "iommu=pt", "intel_pstate=disable",
                         "nohz_full=2-15", "isolcpus=managed_irq,2-15", "rcutree.kthread_prio=11",
                         "default_hugepagesz=1G", "hugepagesz=1G", "hugepages=4", "console=tty0", "console=ttyS0"},
                        el9_4, sixteen),
                IsEmpty());
}

TEST(ArgumentLint, WarnsOfTheDangerousOnes) {
    for (const auto* token : {"mce=off", "audit=0", "idle=poll", "mitigations=off", "selinux=0", "enforcing=0",
                              "systemd.unit=rescue.target", "single", "acpi=off"})
        EXPECT_THAT(on(token), ElementsAre(remark(Severity::warning, Kind::dangerous, ""))) << token;
    EXPECT_THAT(on("mce=off"), ElementsAre(remark(Severity::warning, Kind::dangerous, "ignore-corrected-errors")));
    for (const auto* token : {"mce=ignore_ce", "audit=1", "idle=halt", "mitigations=auto,nosmt", "enforcing=1"})
        EXPECT_THAT(on(token), IsEmpty()) << token;
}

TEST(ArgumentLint, NotesWhatHasAPrice) {
    for (const auto* token : {"nmi_watchdog=0", "nosoftlockup", "nowatchdog", "nosmt", "tsc=nowatchdog", "maxcpus=4"})
        EXPECT_THAT(on(token), ElementsAre(remark(Severity::note, Kind::note, ""))) << token;
}

TEST(ArgumentLint, RefusesWhatTheNodeBootsBy) {
    for (const auto* token : {"root=/dev/sda1", "ostree=/ostree/boot.1/x/0", "init=/bin/sh", "rd.break", "rd.neednet=1",
                              "rootflags=ro", "rdinit=/x", "BOOT_IMAGE=/vmlinuz"})
        EXPECT_THAT(on(token), ElementsAre(remark(Severity::blocker, Kind::dangerous, "it is refused"))) << token;
}

TEST(ArgumentLint, SaysWhatNothingReads) {
    EXPECT_THAT(on("kthread_cpus=0"), ElementsAre(remark(Severity::warning, Kind::ignored, "nohz_full= keeps")));
    EXPECT_THAT(on("tuned.non_isolcpus=00000003"),
                ElementsAre(remark(Severity::warning, Kind::ignored, "housekeeping-workqueues")));
}

TEST(ArgumentLint, HoldsEachAgainstTheTargetKernel) {
    const std::string patience = "rcutree.nohz_full_patience_delay=1000";
    EXPECT_THAT(on(patience), ElementsAre(remark(Severity::warning, Kind::ignored,
                                                 "kernel 5.14.0-427.13.1.el9_4.x86_64 doesn't know it, it came with "
                                                 "6.11")));
    EXPECT_THAT(on(patience, TargetKernel::parse("6.11.0")), IsEmpty());
    EXPECT_THAT(on(patience, TargetKernel{}), IsEmpty()) << "of an unknown kernel nothing is said";
    EXPECT_THAT(on("systemd.cpu_affinity=0,1", el8_1), ElementsAre(remark(Severity::warning, Kind::ignored, "245")));
    EXPECT_THAT(on("systemd.cpu_affinity=0,1", el8_4), IsEmpty());
    auto amd = sixteen;
    amd.vendor = "AuthenticAMD";
    EXPECT_THAT(on("amd_pstate=guided", TargetKernel::parse("6.1.0-56-rt-amd64"), amd),
                ElementsAre(remark(Severity::warning, Kind::ignored, "6.4")));
    EXPECT_THAT(on("amd_pstate=guided", el9_4, amd), IsEmpty());
}

TEST(ArgumentLint, KnowsThatAnUnknownFlagVoidsAllOfIsolcpus) {
    const std::string token = "isolcpus=managed_irq,2-15";
    EXPECT_THAT(on(token, el8_1), ElementsAre(remark(Severity::warning, Kind::ignored, "ignores the whole argument")));
    EXPECT_THAT(on(token, el8_4), IsEmpty());
    EXPECT_THAT(on("isolcpus=managed-irq,2-15"),
                ElementsAre(remark(Severity::warning, Kind::ignored, "'managed-irq' is no flag of it")));
}

TEST(ArgumentLint, NotesThatThePlainIsolcpusStopsBalancing) {
    for (const auto* token : {"isolcpus=2-15", "isolcpus=domain,2-15", "isolcpus=managed_irq,domain,2-15"})
        EXPECT_THAT(on(token), ElementsAre(remark(Severity::note, Kind::note, "doesn't balance"))) << token;
    EXPECT_THAT(on("isolcpus=nohz,2-15"), IsEmpty());
}

TEST(ArgumentLint, HoldsCpuListsAgainstTheNode) {
    for (const std::string name : {"isolcpus=managed_irq,", "nohz_full=", "rcu_nocbs=", "systemd.cpu_affinity="}) {
        EXPECT_THAT(on(name + "2-31"), ElementsAre(remark(Severity::warning, Kind::note, "CPU 16-31 isn't present")));
        EXPECT_THAT(on(name + "2--3"), ElementsAre(remark(Severity::warning, Kind::ignored, "is not a list of CPUs")));
        EXPECT_THAT(on(name + "2-N"), IsEmpty()) << "the kernel's shorthand";
    }
    EXPECT_THAT(on("nohz_full=all"), IsEmpty());
    EXPECT_THAT(on("nohz_full=0-3"), ElementsAre(remark(Severity::note, Kind::note, "takes the boot CPU 0 out")));
    EXPECT_THAT(on("nohz_full=0-15"), ElementsAre(remark(Severity::warning, Kind::dangerous, "leaves no CPU")));
    EXPECT_THAT(on("isolcpus=managed_irq,0-15"),
                ElementsAre(remark(Severity::warning, Kind::dangerous, "leaves no CPU")));
    EXPECT_THAT(on("rcu_nocbs=0-15"), IsEmpty()) << "that is usual";
    EXPECT_THAT(on("nohz_full=2-31", el9_4, NodeTopology{}), IsEmpty()) << "of an unknown node nothing is said";
}

TEST(ArgumentLint, SeesWhenIrqaffinityHasHalfACore) {
    const auto hyperthreaded = machine({.cores = 8, .threads = 2});
    EXPECT_THAT(on("irqaffinity=0", el9_4, hyperthreaded),
                ElementsAre(remark(Severity::note, Kind::note, "CPU 8, on the same core as 0")));
    EXPECT_THAT(on("irqaffinity=0,8", el9_4, hyperthreaded), IsEmpty());
    EXPECT_THAT(on("irqaffinity=0"), IsEmpty()) << "without SMT";
}

TEST(ArgumentLint, KnowsThatPollingMakesCStatesMoot) {
    const Tokens tokens{"processor.max_cstate=1", "idle=poll", "intel_idle.max_cstate=0"};
    EXPECT_THAT(on(tokens[0], tokens), ElementsAre(remark(Severity::note, Kind::ignored, "moot beside idle=poll")));
    EXPECT_THAT(on(tokens[2], tokens), ElementsAre(remark(Severity::note, Kind::ignored, "moot beside idle=poll")));
    EXPECT_THAT(remarks({tokens[0], tokens[2]}, el9_4, sixteen), IsEmpty());
}

TEST(ArgumentLint, WantsTheArgumentsOfBothIdleDriversTogether) {
    EXPECT_THAT(on("intel_idle.max_cstate=0"),
                ElementsAre(remark(Severity::warning, Kind::note, "add processor.max_cstate=1")));
    EXPECT_THAT(on("intel_idle.max_cstate=1"), IsEmpty()) << "intel_idle stays";
    EXPECT_THAT(on("processor.max_cstate=1"),
                ElementsAre(remark(Severity::note, Kind::note, "add intel_idle.max_cstate=0")));
    auto amd = sixteen;
    amd.vendor = "AuthenticAMD";
    EXPECT_THAT(on("processor.max_cstate=1", el9_4, amd), IsEmpty());
}

TEST(ArgumentLint, NotesWhatIsForAnotherVendor) {
    EXPECT_THAT(on("amd_pstate=guided"), ElementsAre(remark(Severity::note, Kind::ignored, "GenuineIntel")));
    auto amd = sixteen;
    amd.vendor = "AuthenticAMD";
    EXPECT_THAT(on("intel_iommu=on", el9_4, amd), ElementsAre(remark(Severity::note, Kind::ignored, "AuthenticAMD")));
    amd.vendor = "";
    EXPECT_THAT(on("intel_iommu=on", el9_4, amd), IsEmpty());
}

TEST(ArgumentLint, WantsPagesThatTheProcessorHas) {
    auto small = sixteen;
    small.flags = {"fpu"};
    EXPECT_THAT(on("default_hugepagesz=1G", el9_4, small),
                ElementsAre(remark(Severity::warning, Kind::ignored, "pdpe1gb")));
    EXPECT_THAT(on("hugepagesz=1G", el9_4, small), ElementsAre(remark(Severity::warning, Kind::ignored, "pdpe1gb")));
    EXPECT_THAT(on("default_hugepagesz=2M", el9_4, small), IsEmpty());
    small.flags = {};
    EXPECT_THAT(on("default_hugepagesz=1G", el9_4, small), IsEmpty()) << "flags aren't known";
    EXPECT_THAT(on("hugepagesz=512M"), ElementsAre(remark(Severity::warning, Kind::ignored, "2M and 1G only")));
}

TEST(ArgumentLint, WantsASizeBeforeANumberOfPages) {
    EXPECT_THAT(on("hugepages=32"), ElementsAre(remark(Severity::warning, Kind::note, "no hugepagesz= stands before")));
    EXPECT_THAT(on("hugepages=32", Tokens{"hugepages=32", "hugepagesz=1G"}), SizeIs(1)) << "sorted by somebody";
    EXPECT_THAT(on("hugepages=32", Tokens{"hugepagesz=1G", "hugepages=32"}), IsEmpty());
    EXPECT_THAT(on("hugepagesz=1G", Tokens{"hugepagesz=1G", "hugepages=1", "hugepagesz=1G", "hugepages=2"}),
                ElementsAre(remark(Severity::warning, Kind::note, "given twice")));
    const std::string by_node = "hugepages=0:2,1:4";
    EXPECT_THAT(on(by_node, Tokens{"hugepagesz=1G", by_node}),
                ElementsAre(remark(Severity::warning, Kind::ignored, "5.16")));
    EXPECT_THAT(on(by_node, Tokens{"hugepagesz=1G", by_node}, TargetKernel::parse("6.1.0")), IsEmpty());
}

TEST(ArgumentLint, SeesContradictionsAndRepetitions) {
    const Tokens both{"nohz=on", "nohz=off"};
    EXPECT_THAT(on("nohz=on", both), ElementsAre(remark(Severity::warning, Kind::note, "'nohz=off' is given, too")));
    EXPECT_THAT(on("nohz=off", both), ElementsAre(remark(Severity::warning, Kind::note, "'nohz=on' is given, too")));
    EXPECT_THAT(on("skew_tick=1", Tokens{"skew_tick=1", "quiet", "skew_tick=1"}),
                ElementsAre(remark(Severity::note, Kind::note, "given twice")));
    EXPECT_THAT(on("nohz_full=2-15", Tokens{"nohz_full=2-15", "nohz=off"}),
                ElementsAre(remark(Severity::warning, Kind::ignored, "nohz=off takes its effect")));
}

TEST(ArgumentLint, KnowsWhatARealTimeKernelDoesAnyway) {
    for (const auto* token : {"preempt=full", "threadirqs"}) {
        EXPECT_THAT(on(token, el9_4_rt), ElementsAre(remark(Severity::note, Kind::ignored, "a real-time kernel")))
            << token;
        EXPECT_THAT(on(token, el9_4), IsEmpty()) << token;
    }
}

TEST(ArgumentLint, GuessesWhatAMistypedOneWasToBe) {
    EXPECT_THAT(on("nohzfull=2-15"), ElementsAre(remark(Severity::warning, Kind::note, "did you mean 'nohz_full'?")));
    EXPECT_THAT(on("hugepage=4"), ElementsAre(remark(Severity::warning, Kind::note, "did you mean 'hugepages'?")));
    EXPECT_THAT(on("something_else=4"), ElementsAre(remark(Severity::note, Kind::note, "isn't known here")));
    EXPECT_THAT(on("my_driver.debug=1"), IsEmpty()) << "a module's parameter";
}

TEST(ArgumentTable, TakesDashesForUnderscoresAsTheKernelDoes) {
    EXPECT_EQ(known_argument("nohz-full=2-3"), known_argument("nohz_full=2-3"));
    EXPECT_NE(known_argument("nohz-full=2-3"), nullptr);
    EXPECT_EQ(known_argument("unheard_of"), nullptr);
}

TEST(ArgumentTable, PrefersTheMoreExactRow) {
    EXPECT_EQ(known_argument("idle=poll")->pattern, "idle=poll");
    EXPECT_EQ(known_argument("idle=halt")->pattern, "idle");
    EXPECT_EQ(known_argument("systemd.unit=x")->pattern, "systemd.unit");
    EXPECT_EQ(known_argument("systemd.show_status=1")->pattern, "systemd.*");
    EXPECT_EQ(known_argument("nosmt=force")->pattern, "nosmt");
    EXPECT_EQ(known_argument("root.x"), nullptr);
}

TEST(CommandLineLength, CountsBlanksAndTheTerminator) {
    EXPECT_EQ(command_line_bytes({}), 1u);
    EXPECT_EQ(command_line_bytes({"quiet"}), 6u);
    EXPECT_EQ(command_line_bytes({"quiet", "nohz=on"}), 14u);
}

TEST(CommandLineLength, IsLimitedTo2048Bytes) {
    const auto of = [](std::size_t bytes) { return length_remark({std::string(bytes - 1, 'x')}); };
    EXPECT_EQ(of(1843), std::nullopt);
    ASSERT_TRUE(of(1844));
    EXPECT_THAT(*of(1844), remark(Severity::warning, Kind::note, "1844 of at most 2048"));
    ASSERT_TRUE(of(2048));
    EXPECT_EQ(of(2048)->severity, Severity::warning) << "it just fits";
    ASSERT_TRUE(of(2049));
    EXPECT_THAT(*of(2049), remark(Severity::blocker, Kind::dangerous, "2049 bytes"));
}

} // namespace
} // namespace rtnode::profile
