#include "../support.hpp"
#include "latency/report/page.hpp"
#include "latency/report/text.hpp"
#include "page_samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace rtnode::latency {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// What is wrong with the nesting of elements; "" = nothing. The page closes each element itself, so that HTML's rules
/// of what closes what need not be known here.
std::string nesting_error(const std::string& html) {
    static const std::set<std::string> alone{"meta", "br"};
    std::vector<std::string> open;
    for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
        if (html.compare(at, 9, "<!DOCTYPE") == 0) continue;
        const auto end = html.find('>', at);
        if (end == std::string::npos) return "a tag without end: " + html.substr(at, 60);
        const bool closing = html[at + 1] == '/';
        const auto from = at + (closing ? 2 : 1);
        const auto name = html.substr(from, html.find_first_of(" />", from) - from);
        if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") != std::string::npos)
            return "not the name of an element: " + html.substr(at, 60);
        if (closing) {
            if (open.empty() || open.back() != name)
                return "</" + name + "> closes <" + (open.empty() ? "" : open.back()) + ">: " + html.substr(at, 60);
            open.pop_back();
        } else if (html[end - 1] != '/' && !alone.contains(name)) {
            open.push_back(name);
        }
    }
    return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

std::size_t count_of(const std::string& text, std::string_view part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
        ++count;
    return count;
}

/// Coordinates that no drawing can have.
void expect_finite(const std::string& html) {
    EXPECT_THAT(html, Not(::testing::ContainsRegex("[\" MVH-](nan|inf)[ %\"VH]")));
    static const std::regex percent("=\"(-?[0-9.]+)%\"");
    for (auto i = std::sregex_iterator(html.begin(), html.end(), percent); i != std::sregex_iterator(); ++i) {
        const double value = std::stod((*i)[1]);
        ASSERT_TRUE(value >= 0 && value <= 100.01) << i->str();
    }
}

/// The drawing of one CPU.
std::string figure_of(const std::string& html, unsigned cpu) {
    const auto from = html.find("<figure id=\"cpu" + std::to_string(cpu) + "\"");
    if (from == std::string::npos) return "";
    return html.substr(from, html.find("</figure>", from) - from);
}

void expect_sound(const std::string& html) {
    EXPECT_EQ(nesting_error(html), "");
    EXPECT_THAT(html, AllOf(::testing::StartsWith("<!DOCTYPE html>\n"), ::testing::EndsWith("</html>\n"),
                            HasSubstr("content=\"default-src 'none'; style-src 'unsafe-inline'\""),
                            Not(HasSubstr("<script")), Not(HasSubstr(" src=")), Not(HasSubstr("href=")),
                            Not(HasSubstr("url(")), Not(HasSubstr("@import"))));
    expect_finite(html);
}

TEST(Page, IsOneSoundDocumentThatNeedsNothingElse) {
    const auto stalled = run_with_a_stall(5);
    const auto comparison = made_up_comparison();
    for (const auto& html : {report_html(stalled), report_html(stalled, &comparison, "measurement 12"),
                             report_html(empty_run()), report_html(spoilt_run())}) {
        expect_sound(html);
        EXPECT_EQ(html.find("https:"), std::string::npos);
    }
    EXPECT_THAT(report_html(stalled), Not(HasSubstr("http:")));
}

TEST(Page, SaysTheWorstFirstAndWhere) {
    const auto html = report_html(run_with_a_stall(5));
    EXPECT_THAT(html,
                AllOf(HasSubstr("<title>Wake-up latency of worker-3: worst 5."),
                      HasSubstr(" after its deadline, on CPU 4.</h1>"),
                      HasSubstr("Valid: the measuring threads ran as they should."), HasSubstr("PREEMPT_RT"),
                      HasSubstr("CPU 2-5, every 200 µs for 5s, policy fifo, priority 95. 2026-11-23 22:26:30 UTC")));
}

TEST(Page, ShowsBothViewsWhereDeadlinesWereMissed) {
    auto result = run_with_a_stall(5);
    const auto html = report_html(result);
    const auto stalled = figure_of(html, 4), quiet = figure_of(html, 3);
    EXPECT_THAT(stalled, AllOf(HasSubstr("class=\"outline\""), HasSubstr("circle class=\"corrected\""),
                               HasSubstr(" missed</span>")));
    EXPECT_THAT(quiet, AllOf(HasSubstr("class=\"bars\""), Not(HasSubstr("class=\"outline\"")),
                             Not(HasSubstr("circle class=\"corrected\""))));
    // The 99th percentile: some 10 µs among the wake-ups, 4 ms among the deadlines.
    const auto& s = result.cpus[2].statistics;
    ASSERT_GT(s.corrected_percentiles_ns[2], 100 * s.percentiles_ns[2]);
    EXPECT_THAT(stalled, HasSubstr(latency_text(static_cast<double>(s.percentiles_ns[2])) + " → <tspan>" +
                                   latency_text(static_cast<double>(s.corrected_percentiles_ns[2])) + "</tspan>"));
    EXPECT_THAT(html,
                HasSubstr("<i>" + microseconds_text(static_cast<double>(s.corrected_percentiles_ns[2])) + "</i>"));
}

TEST(Page, DrawsEveryWakeUpOnce) {
    const auto html = report_html(result_of({{2'000, 2'000, 9'000, 1'000'000}, {3'000}}, 5));
    // "… – …: 2" of each bar, added up.
    static const std::regex bar("<rect x[^>]*><title>[^<:]*: ([0-9,]+)</title>");
    for (const auto& [cpu, expected] : {std::pair(0u, 4), std::pair(1u, 1)}) {
        const auto figure = figure_of(html, cpu);
        int sum = 0;
        for (auto i = std::sregex_iterator(figure.begin(), figure.end(), bar); i != std::sregex_iterator(); ++i)
            sum += std::stoi((*i)[1]);
        EXPECT_EQ(sum, expected) << "CPU " << cpu;
    }
}

TEST(Page, ShowsGapsOfNanoseconds) {
    auto result = result_of({{40, 40, 58, 1'000'000}}, 30);
    result.options.mode = Mode::Busy;
    const auto html = report_html(result);
    EXPECT_THAT(html, AllOf(HasSubstr(">0.040<"), HasSubstr(">1,000.000<"), HasSubstr(">100 ns<")));
}

TEST(Page, TellsSmisAndSteal) {
    auto result = result_of({{20'000}, {20'000}}, 30);
    result.cpus[0].smis = 1234;
    result.cpus[0].stolen_ms = 30;
    EXPECT_THAT(report_html(result),
                AllOf(HasSubstr("<td class=\"n\">30.0 ms</td><td class=\"n\">1,234</td></tr>"),
                      HasSubstr("<td class=\"n\">none</td><td class=\"n\">not counted</td></tr>")));
}

TEST(Page, PlacesSpikesByAClockThatNobodySets) {
    auto result = result_of({{20'000, 900'000}}, 30);
    result.options.spike_us = 100;
    result.cpus[0].windows = {{.length_ms = 993, .cycles = 1, .max_ns = 1},
                              {.start_ms = 993, .length_ms = 1004, .max_ns = 2}};
    result.started_monotonic_ns = 5'000'000'000;
    result.spikes = {{.late_ns = 900'000, .monotonic_ns = 5'750'000'000}};
    const std::chrono::nanoseconds started = result.started.time_since_epoch();
    result.spikes[0].realtime_ns = (started + std::chrono::hours(1)).count(); // somebody set the clock in mid-run
    EXPECT_THAT(report_html(result), AllOf(HasSubstr("on CPU 0, 750ms into the run"), HasSubstr("Each step is 1s. ")));
    result.started_monotonic_ns = 0; // as results of before have it
    EXPECT_THAT(report_html(result), HasSubstr("1h into the run"));
}

TEST(Page, HasAFigureAndARowForEachOf64CpusAndStaysSmall) {
    const auto html = report_html(run_on_many_cpus(64, 3));
    EXPECT_EQ(nesting_error(html), "");
    EXPECT_EQ(count_of(html, "<figure "), 64u);
    for (unsigned cpu = 2; cpu < 66; ++cpu) {
        EXPECT_THAT(figure_of(html, cpu), HasSubstr("class=\"bars\""));
        EXPECT_EQ(count_of(html, fmt::format("<tr><th>{}</th>", cpu)), 2u) << "percentiles and audit";
    }
    EXPECT_LT(html.size(), 1'500'000u);
}

TEST(Page, StaysSmallWithAsManySpikesAndWindowsAsARunCanHave) {
    auto result = run_on_many_cpus(64, 1);
    result.spikes.clear();
    for (auto& cpu : result.cpus) {
        cpu.statistics.spikes = 100'000;
        cpu.windows.assign(600,
                           {.length_ms = 1000, .cycles = 900, .missed = 100, .p50_ns = 1, .p99_ns = 2, .max_ns = 3});
        for (std::size_t i = 0; i < 600; ++i)
            cpu.windows[i].start_ms = static_cast<std::int64_t>(i) * 1000;
        for (std::uint64_t i = 0; i < max_spikes; ++i)
            result.spikes.push_back(
                {.cpu = cpu.statistics.cpu,
                 .cycle = i,
                 .late_ns = 200'000 + static_cast<std::int64_t>(i),
                 .monotonic_ns = static_cast<std::int64_t>(i) * 1'000'000'000,
                 .realtime_ns = 1'795'472'790'000'000'000 + static_cast<std::int64_t>(i) * 1'000'000'000,
                 .hints = {"a hint", "another hint"}});
    }
    const auto html = report_html(result);
    EXPECT_EQ(nesting_error(html), "");
    EXPECT_LT(html.size(), 1'500'000u);
    EXPECT_THAT(html, AllOf(HasSubstr("<h3>6,400,000 spikes above 100 µs</h3>"), HasSubstr("Shown are 200 of them")));
}

TEST(Page, EscapesWhatComesFromElsewhere) {
    const auto html = report_html(spoilt_run());
    EXPECT_THAT(
        html,
        AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<b>\"bold\"")), Not(HasSubstr("<nvme0q3>")),
              Not(HasSubstr("<virtio2")), Not(HasSubstr("\xff")), Not(HasSubstr("\a")),
              HasSubstr("node&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
              HasSubstr("bytes=\xef\xbf\xbd\xef\xbf\xbd tab=\t bell=\xef\xbf\xbd url=http://example.org/?a&amp;b"),
              HasSubstr("a &lt;b&gt;&quot;bold&quot;&lt;/b&gt; &amp; &#39;quoted&#39; name")));
}

TEST(Page, SaysWhichLoadRanBesideTheRun) {
    auto result = run_with_a_stall(1);
    EXPECT_THAT(report_html(result),
                AllOf(Not(HasSubstr("beside a load")), HasSubstr("<dt>load beside it</dt><dd>none</dd>")));
    result.load = "25 × stress-ng --cpu on CPUs 4-31 <&>";
    EXPECT_THAT(
        report_html(result),
        AllOf(
            HasSubstr(", policy fifo, priority 95, beside a load of 25 × stress-ng --cpu on CPUs 4-31 &lt;&amp;&gt;. "),
            HasSubstr("<dt>load beside it</dt><dd>25 × stress-ng --cpu on CPUs 4-31 &lt;&amp;&gt;</dd>")));
}

TEST(Page, GivesTheReasonsNotToTrustARun) {
    const auto html = report_html(spoilt_run());
    EXPECT_THAT(html, AllOf(HasSubstr("Not valid: these figures should not be trusted."),
                            HasSubstr("<li>CPU 2: 12 page faults in the measuring loop</li>"),
                            HasSubstr(", not valid</title>"), HasSubstr(">other, not fifo 95</td>"),
                            HasSubstr(">was moved</td>"), HasSubstr(">12 minor, 0 major</td>"),
                            HasSubstr("class=\"bad\">0-2</td>"), HasSubstr("not a PREEMPT_RT kernel")));
}

TEST(Page, SaysStatesInWordsTheWorstFirst) {
    const auto html = report_html(spoilt_run());
    const auto bad = html.find("<td class=\"state bad\">bad</td><td>preemption</td>");
    const auto unknown = html.find("<td class=\"state unknown\">unknown</td><td>microcode</td>");
    const auto note = html.find("<td class=\"state note\">note</td><td>interrupts</td>");
    const auto good = html.find("<td class=\"state good\">good</td><td>rt-throttling</td>");
    ASSERT_NE(good, std::string::npos);
    EXPECT_TRUE(bad < unknown && unknown < note && note < good);
    EXPECT_THAT(html, HasSubstr("boot the real-time kernel (option kernel=rt of Override)"));
}

TEST(Page, ListsSpikesWithTimeAndCause) {
    auto result = result_of({{20'000, 900'000}}, 30);
    result.options.spike_us = 100;
    result.cpus[0].statistics.spikes = 1;
    result.spikes = {{.cpu = 0,
                      .cycle = 1,
                      .late_ns = 900'000,
                      .monotonic_ns = 5,
                      .realtime_ns = 1'795'472'850'123'456'789,
                      .hints = {"steal time: 4 ms", "41 interrupts of <eth0>"}}};
    const auto html = report_html(result);
    EXPECT_THAT(
        html,
        AllOf(HasSubstr("<h3>1 spike above 100 µs</h3>"),
              HasSubstr("<td>22:27:30.123456</td><td class=\"n\" data-of=\"CPU\">0</td><td class=\"n\">900 µs</td>"
                        "<td class=\"words\">steal time: 4 ms; 41 interrupts of &lt;eth0&gt;</td>"),
              HasSubstr("900 µs on CPU 0, 1m123ms into the run: steal time: 4 ms</title>"),
              HasSubstr("cx=\"10.02%\"")));
}

TEST(Page, ComparesWithABaselineWhenThereIsOne) {
    const auto result = result_of({{20'000}}, 30);
    const auto comparison = made_up_comparison();
    const auto html = report_html(result, &comparison, "measurement <12>");
    EXPECT_THAT(html, AllOf(HasSubstr("Against measurement &lt;12&gt;"), HasSubstr("Regression: "), HasSubstr("1.34 ×"),
                            HasSubstr("1.21 … 1.50<"), HasSubstr("cannot be said"),
                            HasSubstr("microcode 0x2b000590 -&gt; 0x2b000603")));
    EXPECT_EQ(count_of(html, "<svg class=\"interval"), 3u);
    EXPECT_THAT(report_html(result), Not(HasSubstr("id=\"comparison\"")));
    for (const auto* verdict : {"regression", "improvement", "no-difference", "not-comparable", "a new word"}) {
        const Comparison bare{.verdict = verdict, .reasons = {}, .figures = {}, .changes = {}};
        EXPECT_EQ(nesting_error(report_html(result, &bare, "")), "") << verdict;
    }
}

TEST(Page, SaysThatARunGoesOn) {
    auto result = run_with_a_stall(2);
    result.end = End::Running;
    const auto html = report_html(result);
    EXPECT_THAT(html, AllOf(HasSubstr("Still running: there is no verdict yet."), Not(HasSubstr("Valid:")),
                            Not(HasSubstr("The measuring threads"))));
    EXPECT_EQ(nesting_error(html), "");
}

TEST(Page, DrawsOddInputsWithoutBreakingItsAxes) {
    constexpr std::int64_t second = 1'000'000'000, ages = std::int64_t{1} << 62;
    for (const auto& samples : std::vector<std::vector<std::vector<std::int64_t>>>{{},
                                                                                   {{}},
                                                                                   {{}, {}},
                                                                                   {{0}},
                                                                                   {{-5}},
                                                                                   {{1}},
                                                                                   {{6'000}},
                                                                                   {{1'000, second}},
                                                                                   {{1, ages}},
                                                                                   {{}, {100}},
                                                                                   {{1'000'000'000'000}}}) {
        auto result = result_of(samples, 5);
        expect_sound(report_html(result));
        // A run that took no time, has a window that covers all of it, and spikes from before and after.
        result.ended = result.started;
        for (auto& cpu : result.cpus)
            cpu.windows = {{.start_ms = 0, .length_ms = 0, .cycles = cpu.statistics.cycles},
                           {.start_ms = 500, .length_ms = 0}};
        result.spikes = {
            {.cpu = 0, .late_ns = ages, .realtime_ns = 1}, {.cpu = 0, .late_ns = 1, .realtime_ns = ages}, {}};
        expect_sound(report_html(result));
    }
    EXPECT_THAT(report_html(result_of({}, 5)), HasSubstr("<h1>Nothing was measured.</h1>"));
    EXPECT_THAT(report_html(result_of({{6'000}}, 5)),
                HasSubstr("<h1>The only wake-up came 6.00 µs after its deadline, on CPU 0.</h1>"));
}

TEST(Page, SpeaksOfGapsWhereThereAreNoDeadlines) {
    auto result = result_of({{30, 40'000}, {25}}, 400);
    result.options.mode = Mode::Hardware;
    result.options.spike_us = 10;
    result.cpus[0].statistics.spikes = 1;
    result.spikes = {
        {.cpu = 0,
         .late_ns = 40'000,
         .realtime_ns = 1'795'472'850'123'456'789,
         .hints = {"nothing of the kernel had the CPU for 40 µs of 40 µs: firmware (SMI) or a hypervisor"}}};
    const auto html = report_html(result);
    expect_sound(html);
    EXPECT_THAT(html, AllOf(HasSubstr("<title>Time taken from CPUs by hardware of a node: worst 40.0 µs"),
                            HasSubstr("<h1>Firmware or a hypervisor took CPU 0 for 40.0 µs at worst.</h1>"),
                            HasSubstr("CPU 0-1, half of the time for 10m, policy fifo"), HasSubstr("2 gaps"),
                            HasSubstr("<dt>mode hardware</dt>"), Not(HasSubstr("deadline"))));
    result.invalid = {"CPU 0: 1 gap above 10 µs may be the kernel's"};
    EXPECT_THAT(report_html(result), HasSubstr("<h1>Firmware, a hypervisor or the kernel took CPU 0 for 40.0 µs"));

    auto quiet = result_of({{30}, {25}}, 400);
    quiet.options.mode = Mode::Hardware;
    quiet.options.spike_us = 10;
    EXPECT_THAT(report_html(quiet),
                AllOf(HasSubstr("<h1>Nothing but the kernel took a CPU for more than 10.0 µs.</h1>"),
                      HasSubstr("No gap was longer than 10.0 µs, the threshold for spikes.")));
    quiet.options.mode = Mode::Busy;
    EXPECT_THAT(report_html(quiet), AllOf(HasSubstr("<h1>CPU 0 was taken away for 30 ns at worst.</h1>"),
                                          HasSubstr("all the time for 10m"), Not(HasSubstr("deadline"))));
}

TEST(Page, DrawsAResultThatKeptNoCorrectedView) {
    auto result = result_of({{6'000, 7'000}}, 5);
    result.cpus[0].statistics.missed = 4;
    result.cpus[0].statistics.corrected_percentiles_ns = {};
    result.cpus[0].corrected_ns.clear();
    const auto html = report_html(result);
    expect_sound(html);
    EXPECT_THAT(figure_of(html, 0), AllOf(HasSubstr("4 missed"), Not(HasSubstr("→"))));
}

} // namespace
} // namespace rtnode::latency
