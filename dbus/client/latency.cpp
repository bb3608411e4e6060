#include "client/latency.hpp"

#include "state/cpu_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <sstream>

namespace rtnode::client {

namespace {

double sum(const std::vector<double>& values) {
    double total = 0;
    for (const double value : values)
        total += value;
    return total;
}

/// Lower edges of the rows: as many columns a row as needed, in steps that people count in (1, 2, 5, 10, …).
std::uint64_t columns_a_row(std::uint64_t span, std::uint64_t rows) {
    for (std::uint64_t decade = 1;; decade *= 10)
        for (const std::uint64_t factor : {1u, 2u, 5u})
            if (span / (factor * decade) < rows) return factor * decade;
}

std::string bar(std::uint64_t wake_ups, std::uint64_t most, unsigned width) {
    if (wake_ups == 0 || width == 0) return {};
    const double share = std::log1p(static_cast<double>(wake_ups)) / std::log1p(static_cast<double>(most));
    const auto cells = std::max(1L, std::lround(share * width));
    std::string out;
    for (long i = 0; i < cells; ++i)
        out += "█";
    return out;
}

/// Local, as the journal shows it: "14:03:07.123".
std::string time_of_day(std::uint64_t unix_ns) {
    const auto seconds = static_cast<std::time_t>(unix_ns / 1'000'000'000);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    return fmt::format("{:02}:{:02}:{:02}.{:03}", parts.tm_hour, parts.tm_min, parts.tm_sec,
                       unix_ns / 1'000'000 % 1000);
}

} // namespace

CyclictestReport parse_cyclictest(const std::string& report) {
    CyclictestReport parsed;
    std::istringstream lines(report);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# Min Latencies:")) parsed.latencies[0] = line;
        if (line.starts_with("# Avg Latencies:")) parsed.latencies[1] = line;
        if (line.starts_with("# Max Latencies:")) parsed.latencies[2] = line;
        constexpr std::string_view overflows = "# Histogram Overflows:";
        if (line.starts_with(overflows)) {
            std::istringstream columns(line.substr(overflows.size()));
            for (std::uint64_t value = 0; columns >> value;)
                parsed.overflows += value;
        }
        if (line.empty() || line.front() < '0' || line.front() > '9') continue;
        std::istringstream columns(line);
        std::uint64_t latency = 0, total = 0;
        columns >> latency;
        for (std::uint64_t value = 0; columns >> value;)
            total += value;
        if (total > 0) parsed.buckets[latency] += total;
    }
    return parsed;
}

std::string microseconds(double nanoseconds) {
    return fmt::format("{:.1f} µs", nanoseconds / 1000);
}

std::vector<std::string> histogram_lines(const CyclictestReport& report, unsigned width, const Samples& samples) {
    const bool gaps = samples.mode == "busy" || samples.mode == "hardware";
    const auto& unit = samples.unit;
    std::vector<std::string> lines;
    if (report.buckets.empty() && report.overflows == 0)
        return {gaps ? "No gap was counted" : "No wake-up was counted"};
    lines.push_back(fmt::format("{}, all CPUs{}:", gaps ? "Gaps by length" : "Wake-ups by latency",
                                width > 0 ? " (bars are logarithmic)" : ""));

    constexpr std::uint64_t most_rows = 24;
    std::vector<std::pair<std::string, std::uint64_t>> rows;
    std::uint64_t end = 0;
    if (!report.buckets.empty()) {
        const std::uint64_t first = report.buckets.begin()->first, last = report.buckets.rbegin()->first;
        const std::uint64_t step = columns_a_row(last - first, most_rows - 1), start = first / step * step;
        for (std::uint64_t lower = start; lower <= last; lower += step) {
            std::uint64_t wake_ups = 0;
            for (auto i = report.buckets.lower_bound(lower); i != report.buckets.end() && i->first < lower + step; ++i)
                wake_ups += i->second;
            rows.emplace_back(step == 1 ? fmt::format("{} {}", lower, unit)
                                        : fmt::format("{}-{} {}", lower, lower + step - 1, unit),
                              wake_ups);
        }
        end = last + 1;
    }
    if (report.overflows > 0) rows.emplace_back(end == 0 ? "beyond" : "beyond the last column", report.overflows);

    std::uint64_t most = 1;
    std::size_t label = 0;
    for (const auto& [name, wake_ups] : rows) {
        most = std::max(most, wake_ups);
        label = std::max(label, name.size());
    }
    const std::size_t number = std::to_string(most).size();
    const auto taken = static_cast<unsigned>(label + number + 6);
    const unsigned bar_width = width > 0 ? std::clamp(width > taken ? width - taken : 0u, 10u, 60u) : 0;
    for (const auto& [name, wake_ups] : rows) {
        // fmt counts bytes of an alignment's fill but columns of the text: "µ" is one column.
        std::string row =
            fmt::format("  {:>{}} {:>{}} {}", name, label, wake_ups, number, bar(wake_ups, most, bar_width));
        row.erase(row.find_last_not_of(' ') + 1);
        lines.push_back(row);
    }
    return lines;
}

bool passed(const Json& measurement) {
    const std::string end = text(measurement, "End");
    return text(measurement, "State") == "done" && end != "break" && end != "overloaded" &&
           words(measurement, "Invalid").empty();
}

std::string verdict(const Json& measurement, std::uint64_t break_us) {
    const auto cpus = numbers(measurement, "Cpus"), maximum = numbers(measurement, "Maximum");
    const std::string end = text(measurement, "End");
    const auto doubts = words(measurement, "Invalid");
    const double missed = sum(numbers(measurement, "Missed")), faults = sum(numbers(measurement, "Faults"));
    std::string out = "Verdict: ";
    if (end == "overloaded") {
        out +=
            "overloaded, a CPU missed more than half its deadlines or had no time for anything else; use a longer --interval or fewer CPUs";
        return out;
    }
    if (end == "break")
        out += "FAILED, a latency above the limit" + (break_us > 0 ? fmt::format(" of {} µs; ", break_us) : "; ");
    else if (!doubts.empty())
        out += "none; ";
    else if (break_us > 0 && passed(measurement) && end != "stopped")
        out += fmt::format("passed, nothing above {} µs; ", break_us);
    else if (break_us > 0)
        out += fmt::format("nothing above {} µs so far; ", break_us);

    std::size_t worst = 0;
    for (std::size_t i = 1; i < maximum.size(); ++i)
        if (maximum[i] > maximum[worst]) worst = i;
    if (maximum.empty())
        out += "nothing was measured";
    else
        out += fmt::format("at worst {} late, on CPU {:.0f}", microseconds(maximum[worst]), at(cpus, worst));
    if (end == "stopped") out += "; stopped before its time";

    if (doubts.empty()) {
        out += missed > 0 ? fmt::format("; {:.0f} missed deadline{}", missed, missed == 1 ? "" : "s")
                          : "; no deadline missed";
        out += faults > 0 ? fmt::format(", {:.0f} page faults in the loop", faults) : ", no page fault in the loop";
    } else {
        out += "; DON'T TRUST IT: " + printable(join(doubts, "; "));
    }
    return out;
}

namespace {

/// All that there were: of very many the report keeps the worst alone. 0 of an older daemon, which didn't count them.
std::uint64_t spikes_of(const Json& report) {
    std::uint64_t all = 0;
    for (const auto& thread : member(report, "thread"))
        all += count(thread, "spikes").value_or(0);
    return all;
}

} // namespace

std::vector<std::string> remark_lines(const Json& report) {
    constexpr std::size_t most_spikes = 10, most_hints = 3; // the strongest suspects come first; the report has all
    std::vector<std::string> lines;
    if (const auto load = text(report, "load"); !load.empty()) lines.push_back("Load: " + printable(load));
    const auto& all = member(report, "spikes");
    std::vector<Json> spikes(all.begin(), all.end());
    const auto lateness = [](const Json& spike) { return number(spike, "late_ns").value_or(0); };
    std::stable_sort(spikes.begin(), spikes.end(),
                     [&](const Json& a, const Json& b) { return lateness(a) > lateness(b); });
    const auto shown = std::min(spikes.size(), most_spikes);
    const auto seen = std::max<std::uint64_t>(spikes_of(report), spikes.size());
    if (shown > 0)
        lines.push_back(
            fmt::format("Spikes, the worst first{}:", seen > shown ? fmt::format(" ({} of {})", shown, seen) : ""));
    for (std::size_t i = 0; i < shown; ++i) {
        auto hints = words(spikes[i], "hints");
        hints.resize(std::min(hints.size(), most_hints));
        lines.push_back(fmt::format("  {}  CPU {:>3} {:>12}  {}",
                                    time_of_day(count(spikes[i], "realtime_ns").value_or(0)),
                                    count(spikes[i], "cpu").value_or(0), microseconds(lateness(spikes[i])),
                                    hints.empty() ? "nothing else was seen" : printable(join(hints, "; "))));
    }
    for (const auto& finding : member(member(report, "sysinfo"), "findings")) {
        if (text(finding, "state") != "bad") continue;
        const auto remedy = text(finding, "remedy");
        lines.push_back(fmt::format("Doubtful: {}: {}{}", printable(text(finding, "check")),
                                    printable(text(finding, "actual")),
                                    remedy.empty() ? "" : "; " + printable(remedy)));
    }
    for (const auto& note : words(report, "notes"))
        lines.push_back("Note: " + printable(note));
    return lines;
}

std::string format_comparison(const Json& comparison) {
    std::string out = fmt::format("Measurement {} against {}: {}\n", number_of(text(comparison, "b")),
                                  number_of(text(comparison, "a")), text(comparison, "verdict"));
    for (const auto& reason : words(comparison, "reasons"))
        out += "  " + printable(reason) + "\n";
    const auto& figures = member(comparison, "figures");
    if (!figures.empty())
        out += fmt::format("\n{:<18} {:>12} {:>12} {:>7}  {}\n", "FIGURE", "BEFORE", "AFTER", "RATIO", "95 % INTERVAL");
    for (const auto& figure : figures) {
        const auto value = [&](const char* key) { return number(figure, key).value_or(0); };
        const auto low = value("low"), high = value("high"), ratio = value("ratio");
        out += fmt::format("{:<18} {:>12} {:>12} {:>7}  {}{}\n", printable(text(figure, "name")),
                           microseconds(value("a-ns")), microseconds(value("b-ns")),
                           ratio > 0 ? fmt::format("{:.3f}", ratio) : "-",
                           high > 0 ? fmt::format("{:.3f} to {:.3f}", low, high) : "-",
                           flag(figure, "decides") ? "" : "  (shown only)");
    }
    const auto changes = words(comparison, "changes");
    if (!changes.empty()) out += "\nWhat is different about the machine:\n";
    for (const auto& change : changes)
        out += "  " + printable(change) + "\n";
    return out;
}

namespace {

std::string started_of(const Json& row) {
    const auto started = count(row, "Started");
    return started ? utc(*started / 1'000'000) : "-";
}

/// In the largest unit that leaves nothing over: "10m", "90s".
std::string duration_of(const Json& row) {
    const auto us = count(row, "Duration");
    if (!us) return "-";
    for (const auto& [unit, length] : {std::pair("h", 3'600'000'000ULL), {"m", 60'000'000ULL}, {"s", 1'000'000ULL}})
        if (*us > 0 && *us % length == 0) return fmt::format("{}{}", *us / length, unit);
    return fmt::format("{}ms", *us / 1000);
}

std::string cpus_of(const Json& row) {
    CpuList cpus;
    for (const double cpu : numbers(row, "Cpus"))
        cpus.push_back(static_cast<unsigned>(cpu));
    return cpus.empty() ? "-" : format_cpu_list(cpus);
}

std::string worst_of(const Json& row) {
    const auto maximum = numbers(row, "Maximum");
    return maximum.empty() ? "-" : microseconds(*std::max_element(maximum.begin(), maximum.end()));
}

std::string name_or_error_of(const Json& row) {
    const auto name = text(row, "name"), error = text(member(row, "error"), "message");
    if (error.empty()) return printable(name);
    // The daemon, which doesn't know the name then, gives the reason for one.
    return printable((name.empty() || name == error ? "" : name + "; ") + "can't be read: " + error);
}

} // namespace

Json with_properties(const Json& rows, const std::function<Json(const std::string&)>& read) {
    Json out = Json::array();
    for (Json row : rows) {
        try {
            row.update(read(text(row, "path")));
        } catch (const ClientError& error) {
            if (error.exit() == Exit::unreachable || error.exit() == Exit::not_authorized) throw;
            // Only so many are kept: one may go between the two calls.
            if (error.name() == "org.freedesktop.DBus.Error.UnknownObject") continue;
            row["error"] = {{"name", error.name()}, {"message", error.what()}};
        }
        out.push_back(std::move(row));
    }
    return out;
}

std::string format_measurement_list(const Json& rows) {
    if (!rows.is_array() || rows.empty()) return "No measurements\n";
    std::string out = fmt::format("{:>11}  {:<8} {:<21} {:>8}  {:<11} {:>8}  {}\n", "MEASUREMENT", "STATE", "STARTED",
                                  "FOR", "CPUS", "MAX", "NAME");
    for (const Json& row : rows)
        out += fmt::format("{:>11}  {:<8} {:<21} {:>8}  {:<11} {:>8}  {}\n", number_of(text(row, "path")),
                           text(row, "state"), started_of(row), duration_of(row), cpus_of(row), worst_of(row),
                           name_or_error_of(row));
    return out;
}

std::string number_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

} // namespace rtnode::client
