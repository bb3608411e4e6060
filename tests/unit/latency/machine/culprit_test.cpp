// Who had the CPU, by lines as kernels (6.1, 6.1 and 6.12 with PREEMPT_RT) wrote them.
#include "latency/machine/culprit.hpp"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

namespace rtnode::latency {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = TraceEvent::Kind;

std::vector<TraceEvent> events_of(std::initializer_list<const char*> lines) {
    std::vector<TraceEvent> events;
    for (const auto* line : lines) {
        const auto event = parse_trace_line(line);
        EXPECT_TRUE(event) << line;
        if (event) events.push_back(*event);
    }
    return events;
}

constexpr std::int64_t at(std::int64_t us) { // 44982.00… s
    return 44'982'000'000'000 + us * 1000;
}

constexpr int self = 4242;

TEST(TraceLine, TellsWhichThreadTakesOver) {
    EXPECT_EQ(parse_trace_line("            bash-31485   [001] d..2. 44982.656093: sched_switch: prev_comm=bash "
                               "prev_pid=31485 prev_prio=120 prev_state=R ==> next_comm=ksoftirqd/1 next_pid=22 "
                               "next_prio=120"),
              (TraceEvent{.kind = Kind::Switch,
                          .at_ns = at(656'093),
                          .name = "thread ksoftirqd/1:22 (nice 0)",
                          .before = "thread bash:31485 (nice 0)"}));
    EXPECT_EQ(parse_trace_line("  <idle>-0  [001] d..2. 44982.000001: sched_switch: prev_comm=swapper/1 prev_pid=0 "
                               "prev_prio=120 prev_state=R ==> next_comm=a b next_pid=7 next_pid=8 next_prio=0")
                  ->name,
              "thread a b next_pid=7:8 (real-time priority 99)")
        << "a thread may be called anything";
    EXPECT_EQ(parse_trace_line("  <idle>-0  [001] d..2. 44982.000001: sched_switch: prev_comm=swapper/1 prev_pid=0 "
                               "prev_prio=120 prev_state=R ==> next_comm=x next_pid=7 next_prio=110")
                  ->before,
              "the CPU was idle");
}

TEST(TraceLine, TellsInterruptsOfEveryKind) {
    EXPECT_EQ(parse_trace_line("  bash-31485   [001] d.h1. 44982.670925: irq_handler_entry: irq=36 name=virtio1-req.0"),
              (TraceEvent{.kind = Kind::Enter, .at_ns = at(670'925), .name = "interrupt 36 (virtio1-req.0)"}));
    EXPECT_EQ(parse_trace_line("  bash-31485   [001] d.h.. 44982.679954: irq_handler_exit: irq=36 ret=handled")->kind,
              Kind::Leave);
    EXPECT_EQ(parse_trace_line("  e2fsck-31490   [001] .Ns.. 44982.692072: softirq_entry: vec=1 [action=TIMER]")->name,
              "softirq TIMER");
    EXPECT_EQ(parse_trace_line("  bash-9 [001] d.h1. 44982.692072: local_timer_entry: vector=236")->name,
              "timer interrupt");
    EXPECT_EQ(parse_trace_line("  bash-9 [001] d.h1. 44982.692072: call_function_single_entry: vector=251")->name,
              "call function single interrupt");
    EXPECT_EQ(
        parse_trace_line("  bash-9 [001] d.Z1. 44982.692072: nmi_handler: perf_event_nmi_handler() delta_ns: 5123 "
                         "handled: 1")
            ->length_ns,
        5123);
}

TEST(TraceLine, TellsHowLongOsnoiseSawAnInterruptToTheNanosecond) {
    EXPECT_EQ(parse_trace_line("            tail-120     [000] d..h1..    24.076006: irq_noise: local_timer:236 start "
                               "23.868693575 duration 4818 ns"),
              (TraceEvent{.kind = Kind::Took, .at_ns = 24'076'006'000, .name = "timer interrupt", .length_ns = 4818}));
    EXPECT_EQ(
        parse_trace_line("     irq/4-ttyS0-89      [000] D..h114    36.011585: irq_noise: ttyS0:4 start "
                         "35.804277137 duration 192 ns"),
        (TraceEvent{.kind = Kind::Took, .at_ns = 36'011'585'000, .name = "interrupt 4 (ttyS0)", .length_ns = 192}));
    EXPECT_EQ(parse_trace_line("          <idle>-0       [000] dNh2.   114.488089: irq_noise: reschedule:253 start "
                               "118.883769650 duration 2528 ns")
                  ->name,
              "reschedule interrupt");
    EXPECT_EQ(parse_trace_line("            grep-109     [000] d..Z...    13.142541: nmi_noise: start 12.936104494 "
                               "duration 10962 ns"),
              (TraceEvent{.kind = Kind::Took, .at_ns = 13'142'541'000, .name = "NMI", .length_ns = 10'962}));
    EXPECT_EQ(
        parse_trace_line("  x-1 [000] d..h1..    24.076006: irq_noise: a: start of b:7 start 23.868693575 duration "
                         "4818 ns")
            ->name,
        "interrupt 7 (a: start of b)")
        << "a driver may call it anything";
}

TEST(TraceLine, OfAnythingElseIsNothing) {
    for (const auto* line :
         {"", "# tracer: nop", "CPU:1 buffer started",
          "  bash-9 [001] d..2. 44982.656093: sched_switch: prev_comm=bash", "  bash-9 [001] d..2. x: sched_switch: y",
          "  bash-9 [001] d..2. 44982.656093: sched_wakeup: comm=a pid=1",
          "  x-1 [000] d..h1.. 24.076006: irq_noise: local_timer:236 start 23.868693575",
          "  x-1 [000] d..h1.. 24.076006: irq_noise: local_timer start 23.868693575 duration 4818 ns",
          "      timerlat/0-150     [000] .......    40.312622: #3407  context thread timer_latency     12508 ns",
          "            tail-154     [000] d...3..    40.312619: thread_noise:     tail:154 start 40.105303137 duration "
          "3968 ns"})
        EXPECT_FALSE(parse_trace_line(line)) << line;
}

TEST(TraceLine, TellsThatEventsAreLacking) {
    for (const auto* line : {"CPU:1 [LOST 33 EVENTS]", "CPU:1 [LOST EVENTS]"})
        EXPECT_EQ(parse_trace_line(line), (TraceEvent{.kind = Kind::Lost})) << line;
}

TEST(Culprits, AreThoseThatHadTheCpuLongest) {
    const auto events = events_of({
        "  <idle>-0 [001] d..2. 44982.000100: sched_switch: prev_comm=swapper/1 prev_pid=0 prev_prio=120 prev_state=R ==> "
        "next_comm=hog next_pid=77 next_prio=0",
        "  hog-77 [001] d.h1. 44982.001000: irq_handler_entry: irq=36 name=eth0-rx-1",
        "  hog-77 [001] d.h1. 44982.001400: irq_handler_exit: irq=36 ret=handled",
        "  hog-77 [001] d..2. 44982.005000: sched_switch: prev_comm=hog prev_pid=77 prev_prio=0 prev_state=S ==> "
        "next_comm=latency/1 next_pid=4242 next_prio=4",
    });
    EXPECT_THAT(culprits(events, at(500), at(5010), self),
                ElementsAre("thread hog:77 (real-time priority 99) for 4100 µs of 4510 µs",
                            "interrupt 36 (eth0-rx-1) for 400 µs of 4510 µs"));
}

TEST(Culprits, GoByTheNameThatTheyLeaveWith) {
    // chrt starts as anybody does, becomes real-time, and then the program that it was given.
    const auto events = events_of({
        "  x-9 [001] d..2. 44982.000100: sched_switch: prev_comm=x prev_pid=9 prev_prio=120 prev_state=S ==> "
        "next_comm=chrt next_pid=77 next_prio=120",
        "  hog-77 [001] d..2. 44982.005000: sched_switch: prev_comm=hog prev_pid=77 prev_prio=9 prev_state=S ==> "
        "next_comm=latency/1 next_pid=4242 next_prio=4",
    });
    EXPECT_THAT(culprits(events, at(500), at(5000), self),
                ElementsAre("thread hog:77 (real-time priority 90) for 4500 µs of 4500 µs"));
}

TEST(Culprits, SayWhenTheTimerItselfWasLate) {
    const auto events = events_of({
        "  x-9 [001] d..2. 44982.000100: sched_switch: prev_comm=x prev_pid=9 prev_prio=120 prev_state=S ==> "
        "next_comm=swapper/1 next_pid=0 next_prio=120",
        "  <idle>-0 [001] d.h1. 44982.003500: local_timer_entry: vector=236",
        "  <idle>-0 [001] d.h1. 44982.003505: local_timer_exit: vector=236",
        "  <idle>-0 [001] d..2. 44982.003510: sched_switch: prev_comm=swapper/1 prev_pid=0 prev_prio=120 prev_state=R ==> "
        "next_comm=latency/1 next_pid=4242 next_prio=4",
    });
    EXPECT_THAT(culprits(events, at(500), at(3515), self),
                ElementsAre("the CPU was idle for 3005 µs of 3015 µs",
                            "the timer's interrupt came 3000 µs after the deadline"));
}

TEST(Culprits, SayFromOsnoisesEventsWhenTheTimerItselfWasLate) {
    const auto events = events_of({
        "          <idle>-0       [000] d.h2.    55.652087: irq_noise: local_timer:236 start 60.047731908 duration 37385 "
        "ns",
        "          <idle>-0       [000] d..2.    55.652135: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 "
        "prev_state=R ==> next_comm=ksoftirqd/0 next_pid=17 next_prio=120",
    });
    EXPECT_THAT(culprits(events, 55'652'000'000, 55'652'140'000, 17),
                ElementsAre("the CPU was idle for 97 µs of 140 µs", "timer interrupt for 37.4 µs of 140 µs",
                            "the timer's interrupt came 49 µs after the deadline"));
}

TEST(Culprits, CountAnNmiThatTheTraceTellsOnlyAfterwards) {
    const auto events = events_of({
        "  x-9 [001] d..2. 44982.000100: sched_switch: prev_comm=x prev_pid=9 prev_prio=120 prev_state=S ==> "
        "next_comm=y next_pid=8 next_prio=120",
        "  y-8 [001] d.Z1. 44982.000900: nmi_handler: perf_event_nmi_handler() delta_ns: 300000 handled: 1",
    });
    EXPECT_THAT(culprits(events, at(500), at(1000), self),
                ElementsAre("NMI for 300 µs of 500 µs", "thread y:8 (nice 0) for 200 µs of 500 µs"));
}

TEST(Culprits, AreNobodyWhenTheCpuItselfStoodStill) {
    const auto events =
        events_of({"  latency/1-4242 [001] d..2. 44982.000100: sched_switch: prev_comm=latency/1 prev_pid=4242 "
                   "prev_prio=4 prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120"});
    const auto words = culprits(events, at(500), at(9000), self);
    EXPECT_THAT(words, Contains(HasSubstr("the CPU itself stood still")));
    EXPECT_THAT(words, Not(Contains(HasSubstr("latency/1"))));
    EXPECT_EQ(unseen_ns(words, 8'500'000), std::nullopt) << "the thread slept: this is no gap";
}

TEST(Culprits, AreNotGuessedAtWhereTheTraceLacksEvents) {
    const auto events = events_of({
        "  <idle>-0 [001] d..2. 44982.000100: sched_switch: prev_comm=swapper/1 prev_pid=0 prev_prio=120 prev_state=R ==> "
        "next_comm=latency/1 next_pid=4242 next_prio=4",
        "CPU:1 [LOST 33 EVENTS]",
        "  latency/1-4242 [001] d.h1. 44982.000900: local_timer_entry: vector=236",
        "  latency/1-4242 [001] d.h1. 44982.000905: local_timer_exit: vector=236",
    });
    for (const auto& [from, to] : {std::pair(500, 800), std::pair(50, 200), std::pair(890, 910)}) {
        const auto words = culprits(events, at(from), at(to), self);
        EXPECT_THAT(words, ElementsAre(HasSubstr("what had the CPU is lost"))) << from;
        EXPECT_EQ(unseen_ns(words, at(to) - at(from)), std::nullopt) << from;
    }
    EXPECT_EQ(unseen_ns(culprits(events, at(950), at(1200), self), 250'000), 250'000) << "after the hole";
}

/// The measuring thread takes the CPU at 100 µs, and reads the clock from then on.
std::vector<TraceEvent> reading_and(std::initializer_list<const char*> lines) {
    auto events = events_of({"  <idle>-0 [001] d..2. 44982.000100: sched_switch: prev_comm=swapper/1 prev_pid=0 "
                             "prev_prio=120 prev_state=R ==> next_comm=latency/1 next_pid=4242 next_prio=4"});
    for (auto& event : events_of(lines))
        events.push_back(std::move(event));
    return events;
}

TEST(Gaps, AreOfFirmwareOrAHypervisorWhereTheKernelDidNothing) {
    const auto words = culprits(reading_and({}), at(500), at(788) + 400, self);
    EXPECT_THAT(words, ElementsAre("nothing of the kernel had the CPU for 288 µs of 288 µs: firmware (SMI) or a "
                                   "hypervisor"));
    EXPECT_EQ(unseen_ns(words, 288'400), 288'400) << "to the nanosecond";
}

TEST(Gaps, AreTheKernelsWhereItHadTheCpu) {
    const auto words = culprits(reading_and({
                                    "  latency/1-4242 [001] d.h.. 44982.000502: local_timer_entry: vector=236",
                                    "  latency/1-4242 [001] d.h.. 44982.000512: local_timer_exit: vector=236",
                                    "  latency/1-4242 [001] ..s.. 44982.000513: softirq_entry: vec=1 [action=TIMER]",
                                    "  latency/1-4242 [001] ..s.. 44982.000518: softirq_exit: vec=1 [action=TIMER]",
                                }),
                                at(500), at(520), self);
    EXPECT_THAT(words, ElementsAre("timer interrupt for 10 µs of 20 µs", "softirq TIMER for 5 µs of 20 µs",
                                   "nothing of the kernel had the CPU for 2 µs of 20 µs"));
    EXPECT_EQ(unseen_ns(words, 20'000), 2'000);
}

TEST(Gaps, AreTheKernelsByOsnoisesEvents) {
    const auto words = culprits(
        events_of({
            "            tail-120     [000] d..h1..    24.080006: irq_noise: local_timer:236 start 23.872693577 duration "
            "4818 ns",
            "            tail-120     [000] dn.h1..    24.084009: irq_noise: local_timer:236 start 23.876693579 duration "
            "7556 ns",
            "            tail-120     [000] d...2..    24.084013: sched_switch: prev_comm=tail prev_pid=120 prev_prio=120 "
            "prev_state=R+ ==> next_comm=ktimers/0 next_pid=15 next_prio=98",
            "       ktimers/0-15      [000] d...2..    24.084022: sched_switch: prev_comm=ktimers/0 prev_pid=15 "
            "prev_prio=98 prev_state=S ==> next_comm=tail next_pid=120 next_prio=120",
        }),
        24'084'000'000, 24'084'023'000, 120);
    EXPECT_THAT(words, ElementsAre("thread ktimers/0:15 (real-time priority 1) for 9 µs of 23 µs",
                                   "timer interrupt for 7.6 µs of 23 µs",
                                   "nothing of the kernel had the CPU for 4 µs of 23 µs"));
    EXPECT_EQ(unseen_ns(words, 23'000), 4'000);
}

TEST(Gaps, AreTheKernelsHoweverOftenItInterrupts) {
    // Two microseconds before and one after each interrupt aren't traced; together they are no firmware.
    std::vector<std::string> lines;
    for (int i = 0; i < 20; ++i)
        for (const auto& [at_us, side] : {std::pair(502 + 5 * i, "entry"), std::pair(504 + 5 * i, "exit")})
            lines.push_back("  latency/1-4242 [001] d.h.. 44982.000" + std::to_string(at_us) + ": reschedule_" + side +
                            ": vector=253");
    auto events = reading_and({});
    for (const auto& line : lines)
        events.push_back(parse_trace_line(line).value());
    EXPECT_EQ(unseen_ns(culprits(events, at(500), at(600), self), 100'000), 3'000);
}

TEST(Gaps, AreOfFirmwareAsFarAsTheKernelHadNoPart) {
    const auto words = culprits(reading_and({
                                    "  latency/1-4242 [001] d.h.. 44982.000502: local_timer_entry: vector=236",
                                    "  latency/1-4242 [001] d.h.. 44982.000512: local_timer_exit: vector=236",
                                }),
                                at(500), at(900), self);
    EXPECT_THAT(words, ElementsAre("nothing of the kernel had the CPU for 388 µs of 400 µs: firmware (SMI) or a "
                                   "hypervisor",
                                   "timer interrupt for 10 µs of 400 µs"));
    EXPECT_EQ(unseen_ns(words, 400'000), 388'000);
}

TEST(Gaps, AreOfTheThreadThatCameBetween) {
    const auto words = culprits(
        reading_and({
            "  latency/1-4242 [001] d..2. 44982.000503: sched_switch: prev_comm=latency/1 prev_pid=4242 prev_prio=4 "
            "prev_state=R ==> next_comm=hog next_pid=77 next_prio=0",
            "  hog-77 [001] d..2. 44982.005503: sched_switch: prev_comm=hog prev_pid=77 prev_prio=0 prev_state=S ==> "
            "next_comm=latency/1 next_pid=4242 next_prio=4",
        }),
        at(500), at(5507), self);
    EXPECT_EQ(words.at(0), "thread hog:77 (real-time priority 99) for 5000 µs of 5007 µs");
    EXPECT_EQ(unseen_ns(words, 5'007'000), 4'000);
}

TEST(Gaps, AreOfAnNmiThatTheTraceTellsOnlyAfterwards) {
    const auto words = culprits(reading_and({"  latency/1-4242 [001] d.Z.. 44982.000800: nmi_handler: "
                                             "perf_event_nmi_handler() delta_ns: 290000 handled: 1"}),
                                at(505), at(805), self);
    EXPECT_THAT(words, ElementsAre("NMI for 290 µs of 300 µs", "nothing of the kernel had the CPU for 5 µs of 300 µs"));
}

TEST(Gaps, HaveAnInterruptOfWhichTheRoundedTimeIsBeforeThem) {
    const auto words = culprits(reading_and({
                                    "  latency/1-4242 [001] d.h.. 44982.000500: local_timer_entry: vector=236",
                                    "  latency/1-4242 [001] d.h.. 44982.000540: local_timer_exit: vector=236",
                                }),
                                at(500) + 300, at(541), self);
    EXPECT_EQ(unseen_ns(words, 40'700), 1'000);
}

TEST(Gaps, AreSeenByTheNextSwitchWhereTheLastOneIsMissing) {
    const auto events = events_of({
        "  x-9 [001] d..2. 44982.000100: sched_switch: prev_comm=x prev_pid=9 prev_prio=120 prev_state=S ==> "
        "next_comm=y next_pid=8 next_prio=110",
        "  latency/1-4242 [001] d.h.. 44982.000502: local_timer_entry: vector=236",
        "  latency/1-4242 [001] d.h.. 44982.000512: local_timer_exit: vector=236",
        "  latency/1-4242 [001] d..2. 44982.009000: sched_switch: prev_comm=latency/1 prev_pid=4242 prev_prio=4 "
        "prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120",
    });
    EXPECT_EQ(unseen_ns(culprits(events, at(500), at(515), self), 15'000), 3'000);
}

TEST(Gaps, DoNotBelieveInAnInterruptThatNeverEnded) {
    const auto events = reading_and({"  latency/1-4242 [001] d.h.. 44982.000200: irq_handler_entry: irq=36 name=eth0"});
    EXPECT_EQ(unseen_ns(culprits(events, at(500), at(800), self), 300'000), 300'000)
        << "the thread read the clock after it";
}

} // namespace
} // namespace rtnode::latency
