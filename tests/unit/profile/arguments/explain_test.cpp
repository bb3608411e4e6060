#include "profile/arguments/explain.hpp"
#include "state/kernel_arguments.hpp"
#include "topologies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace rtnode::profile {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Rows = std::vector<ExplainedArgument>;

const auto el8_1 = TargetKernel::parse("4.18.0-147.rt24.93.el8.x86_64");
const auto el9_4 = TargetKernel::parse("5.14.0-427.13.1.el9_4.x86_64+rt");

const ExplainedArgument& row(const Rows& rows, const std::string& token) {
    for (const auto& row : rows)
        if (row.token == token) return row;
    throw std::out_of_range("no row " + token);
}

/// The how-to's arguments, in its order.
Profile howto() {
    Profile profile;
    profile.name = "worker-rt";
    profile.append = KernelArguments::parse("default_hugepagesz=1G hugepagesz=1G hugepages=32 nohz=on nosoftlockup "
                                            "nmi_watchdog=0 audit=0 mce=off kthread_cpus=0 irqaffinity=0 skew_tick=1 "
                                            "processor.max_cstate=1 idle=poll intel_pstate=disable "
                                            "intel_idle.max_cstate=0 intel_iommu=on iommu=pt")
                         .tokens();
    return profile;
}

TEST(Explain, TellsTheGoodFromTheBadOfTheHowTo) {
    const auto rows = explain(howto(), {}, machine({.cores = 16, .threads = 2, .gib = 128}), el8_1);
    ASSERT_EQ(rows.size(), howto().append.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
        EXPECT_EQ(rows[i].token, howto().append[i]) << "in its order";
    for (const auto* token : {"audit=0", "mce=off", "idle=poll"})
        EXPECT_EQ(row(rows, token).state, ArgumentState::dangerous) << token;
    for (const auto* token : {"kthread_cpus=0", "processor.max_cstate=1", "intel_idle.max_cstate=0"})
        EXPECT_EQ(row(rows, token).state, ArgumentState::ignored) << token;
    for (const auto* token : {"nosoftlockup", "nmi_watchdog=0", "irqaffinity=0"})
        EXPECT_EQ(row(rows, token).state, ArgumentState::note) << token;
    for (const auto* token : {"default_hugepagesz=1G", "hugepagesz=1G", "hugepages=32", "nohz=on", "skew_tick=1",
                              "intel_pstate=disable", "intel_iommu=on", "iommu=pt"})
        EXPECT_EQ(row(rows, token),
                  (ExplainedArgument{token, row(rows, token).why, "before 4.18", ArgumentState::ok, ""}));
}

TEST(Explain, SaysOfEachWhyItIsThere) {
    Profile profile;
    profile.isolate = true;
    profile.reserve_cores = 2;
    const auto node = machine({.cores = 16});
    const auto rows = explain(profile, choose(profile, node), node, el9_4);
    for (const auto& row : rows) {
        EXPECT_THAT(row.why, Not(IsEmpty())) << row.token;
        EXPECT_THAT(row.since, Not(IsEmpty())) << row.token;
        EXPECT_EQ(row.state == ArgumentState::ok, row.text.empty()) << row.token;
    }
    EXPECT_THAT(row(rows, "nohz_full=2-15").why, HasSubstr("isolate: stops the timer tick"));
    EXPECT_EQ(row(rows, "nohz_full=2-15").state, ArgumentState::ok);
}

TEST(Explain, EndsWithWhatWasLeftOutAndWhy) {
    Profile profile;
    profile.isolate = true;
    profile.reserve_cores = 2;
    const auto node = machine({.cores = 16});
    const auto rows = explain(profile, choose(profile, node), node, el8_1);
    const auto& affinity = row(rows, "systemd.cpu_affinity=0,1");
    EXPECT_EQ(affinity.state, ArgumentState::left_out);
    EXPECT_THAT(affinity.since, HasSubstr("systemd 245"));
    EXPECT_THAT(affinity.text, HasSubstr("4.18.0-147.rt24.93.el8.x86_64 doesn't know it"));
    EXPECT_EQ(row(rows, "isolcpus=managed_irq,2-15").state, ArgumentState::left_out);
    EXPECT_EQ(row(rows, "mce=off").state, ArgumentState::left_out);
    EXPECT_EQ(rows.back().state, ArgumentState::left_out);
    EXPECT_EQ(rows.front().state, ArgumentState::ok);
}

TEST(Explain, HasTheWorstOfSeveralRemarksAndTheTextOfAll) {
    Profile profile;
    profile.append = {"hugepages=32", "idle=poll", "idle=halt"};
    const auto rows = explain(profile, {}, machine({.gib = 2}), el9_4);
    EXPECT_EQ(row(rows, "idle=poll").state, ArgumentState::dangerous);
    EXPECT_THAT(row(rows, "idle=poll").text, AllOf(HasSubstr("full power"), HasSubstr("; 'idle=halt' is given, too")));
    EXPECT_EQ(row(rows, "hugepages=32").state, ArgumentState::note) << "64 MiB are there";
}

TEST(Explain, KnowsWhenTheMemoryIsNotThere) {
    const auto rows = explain(howto(), {}, machine({.gib = 16}), el9_4);
    EXPECT_EQ(row(rows, "hugepages=32").state, ArgumentState::dangerous);
    EXPECT_THAT(row(rows, "hugepages=32").text, HasSubstr("200 % of the node's memory"));
}

TEST(ArgumentState, HasANameForTheBus) {
    EXPECT_EQ(name_of(ArgumentState::ok), "ok");
    EXPECT_EQ(name_of(ArgumentState::note), "note");
    EXPECT_EQ(name_of(ArgumentState::left_out), "left-out");
    EXPECT_EQ(name_of(ArgumentState::ignored), "ignored");
    EXPECT_EQ(name_of(ArgumentState::dangerous), "dangerous");
}

} // namespace
} // namespace rtnode::profile
