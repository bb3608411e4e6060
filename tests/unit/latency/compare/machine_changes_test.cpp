#include "latency/compare/machine_changes.hpp"

#include "latency/compare/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace rtnode::latency {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Changes, AreWhatIsDifferentAboutTheMachine) {
    Result a, b;
    EXPECT_THAT(machine_changes(a, b), IsEmpty());
    a.environment = {.release = "6.1.0-55-rt-amd64",
                     .realtime = true,
                     .command_line = "BOOT_IMAGE=(hd0,gpt3)/ostree/rhcos-1/vmlinuz ostree=/ostree/boot.0/rhcos/1/0 "
                                     "quiet isolcpus=2-3 console=tty0 console=ttyS0",
                     .clocksource = "tsc",
                     .microcode = "0x1",
                     .bios = "SeaBIOS 1.16",
                     .cpu_model = "A",
                     .deployment = ""};
    b.environment = {.release = "6.1.0-56-amd64",
                     .realtime = false,
                     .command_line = "BOOT_IMAGE=(hd0,gpt3)/ostree/rhcos-2/vmlinuz ostree=/ostree/boot.1/rhcos/2/0 "
                                     "isolcpus=2-3 console=tty0 console=ttyS0 nohz_full=\"2 3\"",
                     .clocksource = "hpet",
                     .microcode = "0x2",
                     .bios = "SeaBIOS 1.17",
                     .cpu_model = "B",
                     .deployment = "abc"};
    a.environment.findings = {{"clocksource", "good", "tsc", ""}, {"smt", "note", "off", ""}};
    b.environment.findings = {{"smt", "note", "none", ""}, {"clocksource", "bad", "hpet", "boot with tsc=reliable"}};
    b.dma_latency_held = true;
    EXPECT_THAT(machine_changes(a, b),
                ElementsAre("deployment none -> abc", "kernel 6.1.0-55-rt-amd64 -> 6.1.0-56-amd64",
                            "real-time kernel yes -> no", "kernel argument removed: quiet",
                            "kernel argument added: nohz_full=\"2 3\"", "microcode 0x1 -> 0x2",
                            "BIOS SeaBIOS 1.16 -> SeaBIOS 1.17", "CPU model A -> B", "clock source tsc -> hpet",
                            "/dev/cpu_dma_latency held at 0 µs no -> yes", "clocksource good (tsc) -> bad (hpet)"));
}

TEST(Changes, AreNotWhatOneDoesNotKnow) {
    Result a, b;
    b.environment.microcode = "0x2";
    b.environment.command_line = "quiet";
    EXPECT_THAT(machine_changes(a, b), IsEmpty());
}

TEST(Changes, AreInTheOrderOfTheArgumentsToo) {
    Result a, b;
    a.environment.command_line = "a b";
    b.environment.command_line = "b a";
    EXPECT_THAT(machine_changes(a, b), ElementsAre("kernel arguments in another order"));
}

TEST(Changes, AreTheLoadBesideTheRunToo) {
    Result a, b;
    b.load = "25 × stress-ng --cpu on CPUs 4-31";
    EXPECT_THAT(machine_changes(a, b), ElementsAre("load beside the run none -> 25 × stress-ng --cpu on CPUs 4-31"));
    EXPECT_THAT(machine_changes(b, a), ElementsAre("load beside the run 25 × stress-ng --cpu on CPUs 4-31 -> none"));
    EXPECT_THAT(machine_changes(b, b), IsEmpty());
}

TEST(BaselineKey, IsTheSameForOneDeploymentAndOneKindOfRun) {
    using namespace std::chrono_literals;
    Result result;
    result.options.cpus = {2, 3};
    result.options.duration = 24s;
    result.environment.release = "6.1.0-56-rt-amd64";
    result.environment.deployment = "abc";
    result.environment.version = "#1 SMP PREEMPT_RT";
    result.environment.microcode = "0x2";
    result.environment.bios = "SeaBIOS 1.16";
    result.environment.command_line = "BOOT_IMAGE=(hd0)/vmlinuz ostree=/ostree/boot.0/rhcos/1/0 isolcpus=2-3 quiet";
    const auto key = baseline_key(result);
    EXPECT_EQ(key, "deployment abc\n"
                   "kernel 6.1.0-56-rt-amd64 #1 SMP PREEMPT_RT\n"
                   "microcode 0x2\n"
                   "bios SeaBIOS 1.16\n"
                   "arguments isolcpus=2-3 quiet\n"
                   "cpus 2-3\n"
                   "mode cyclic\n"
                   "interval 1000 µs\n"
                   "distance 0 µs\n"
                   "phase any\n"
                   "duration 24s\n"
                   "loops 0\n"
                   "scheduling fifo 95\n");

    auto same = result;
    same.environment.command_line = "BOOT_IMAGE=(hd1)/vmlinuz ostree=/ostree/boot.1/rhcos/1/0 isolcpus=2-3 quiet";
    same.options.name = "after the update";
    same.notes = {"a note"};
    EXPECT_EQ(baseline_key(same), key);

    const auto differs = [&](const std::function<void(Result&)>& change) {
        auto other = result;
        change(other);
        return baseline_key(other) != key;
    };
    EXPECT_TRUE(differs([](Result& r) { r.environment.deployment = "abd"; }));
    EXPECT_TRUE(differs([](Result& r) { r.environment.release = "6.1"; }));
    EXPECT_TRUE(differs([](Result& r) { r.environment.microcode = "0x3"; }));
    EXPECT_TRUE(differs([](Result& r) { r.environment.bios = ""; }));
    EXPECT_TRUE(differs([](Result& r) { r.environment.command_line += " nohz_full=2-3"; }));
    EXPECT_TRUE(differs([](Result& r) { r.options.cpus = {2}; }));
    EXPECT_TRUE(differs([](Result& r) { r.options.mode = Mode::Busy; }));
    EXPECT_TRUE(differs([](Result& r) { r.options.interval = 200us; }));
    EXPECT_TRUE(differs([](Result& r) { r.options.distance = 500us; }));
    EXPECT_TRUE(differs([](Result& r) { r.options.phase = 0us; }));
    EXPECT_TRUE(differs([](Result& r) { r.options.duration = 1h; }));
    EXPECT_TRUE(differs([](Result& r) { r.options.loops = 1000; }));
    EXPECT_TRUE(differs([](Result& r) { r.options.priority = 1; }));
}

} // namespace
} // namespace rtnode::latency
