// Results as JSON and back. The frame is cyclictest's --json (file_version 1), so that what reads that finds its way;
// what it has no word for stands in keys of our own beside.

#include "latency/report/report.hpp"

#include "state/error.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <ctime>

namespace rtnode::latency {
namespace {

using Json = nlohmann::ordered_json;
using TimePoint = std::chrono::system_clock::time_point;

// cyclictest's: strftime("%a, %d %b %Y %T %z")
std::string rfc2822(TimePoint time) {
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %T +0000", &parts)};
}

std::int64_t unix_us(TimePoint time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

TimePoint from_unix_us(std::int64_t us) {
    return TimePoint(std::chrono::microseconds(us));
}

double us(double ns) {
    return static_cast<double>(std::llround(ns)) / 1000;
}

constexpr std::uint32_t most_columns = 1'000'000; // as validated() allows

Json options_json(const Options& options) {
    return {{"name", options.name},
            {"mode", name_of(options.mode)},
            {"cpus", format_cpu_list(options.cpus)},
            {"interval_us", options.interval.count()},
            {"duration_ns", options.duration.count()},
            {"duration", format_duration(options.duration)},
            {"loops", options.loops},
            {"distance_us", options.distance.count()},
            {"phase_us", options.phase ? Json(options.phase->count()) : Json()},
            {"policy", name_of(options.policy)},
            {"priority", options.priority},
            {"histogram_us", options.histogram_us},
            {"nanoseconds", options.nanoseconds},
            {"break_us", options.break_us},
            {"tracemark", options.tracemark},
            {"spike_us", options.spike_us},
            {"trace", options.trace},
            {"tracer", name_of(options.tracer)},
            {"force", options.force}};
}

Options options_from(const Json& json) {
    Options options;
    options.name = json.at("name");
    options.cpus = parse_cpu_list(json.at("cpus").get<std::string>());
    options.interval = std::chrono::microseconds(json.at("interval_us").get<std::int64_t>());
    options.duration = std::chrono::nanoseconds(json.at("duration_ns").get<std::int64_t>());
    options.policy = parse_policy(json.at("policy").get<std::string>());
    options.priority = json.at("priority");
    options.histogram_us = json.at("histogram_us");
    // Before memory is taken for that many.
    if (options.histogram_us > most_columns)
        throw fail(Reason::InvalidArgument, "a histogram of {} µs is out of range", options.histogram_us);
    options.break_us = json.at("break_us");
    // Keys that came later; files of before stay readable.
    options.mode = parse_mode(json.value("mode", "cyclic"));
    options.loops = json.value("loops", options.loops);
    options.distance = std::chrono::microseconds(json.value("distance_us", std::int64_t{0}));
    if (const auto phase = json.find("phase_us"); phase != json.end() && !phase->is_null())
        options.phase = std::chrono::microseconds(phase->get<std::int64_t>());
    options.nanoseconds = json.value("nanoseconds", false);
    options.tracemark = json.value("tracemark", false);
    options.spike_us = json.value("spike_us", options.spike_us);
    options.trace = json.value("trace", false);
    options.tracer = parse_trace_by(json.value("tracer", "auto"));
    options.force = json.at("force");
    return options;
}

Json percentiles_json(const std::array<std::int64_t, percentile_ranks.size()>& values) {
    Json percentiles = Json::object();
    for (std::size_t i = 0; i < percentile_names.size(); ++i)
        percentiles[percentile_names[i]] = values[i];
    return percentiles;
}

/// Windows are many, so each is one row of numbers.
Json windows_json(const std::vector<Window>& windows) {
    Json rows = Json::array();
    for (const auto& w : windows)
        rows.push_back({w.start_ms, w.length_ms, w.cycles, w.missed, w.p50_ns, w.p99_ns, w.max_ns});
    return {{"columns", {"start_ms", "length_ms", "cycles", "missed", "p50_ns", "p99_ns", "max_ns"}}, {"rows", rows}};
}

std::vector<Window> windows_from(const Json& json) {
    std::vector<Window> windows;
    for (const auto& row : json.at("rows"))
        windows.push_back({.start_ms = row.at(0),
                           .length_ms = row.at(1),
                           .cycles = row.at(2),
                           .missed = row.at(3),
                           .p50_ns = row.at(4),
                           .p99_ns = row.at(5),
                           .max_ns = row.at(6)});
    return windows;
}

Json spike_json(const Spike& spike) {
    return {{"cpu", spike.cpu},
            {"cycle", spike.cycle},
            {"late_ns", spike.late_ns},
            {"monotonic_ns", spike.monotonic_ns},
            {"realtime_ns", spike.realtime_ns},
            {"hints", spike.hints}};
}

Spike spike_from(const Json& json) {
    return {.cpu = json.at("cpu"),
            .cycle = json.at("cycle"),
            .late_ns = json.at("late_ns"),
            .monotonic_ns = json.at("monotonic_ns"),
            .realtime_ns = json.at("realtime_ns"),
            .hints = json.at("hints").get<std::vector<std::string>>()};
}

Json finding_json(const Finding& finding) {
    return {{"check", finding.check}, {"state", finding.state}, {"actual", finding.actual}, {"remedy", finding.remedy}};
}

Finding finding_from(const Json& json) {
    return {json.at("check"), json.at("state"), json.at("actual"), json.at("remedy")};
}

template <typename Value>
Json list_json(const std::vector<Value>& values, Json (*one)(const Value&)) {
    Json list = Json::array();
    for (const auto& value : values)
        list.push_back(one(value));
    return list;
}

Json cpu_json(const CpuResult& cpu, bool nanoseconds) {
    const auto& s = cpu.statistics;
    Json columns = Json::object();
    for (std::size_t i = 0; i < cpu.histogram_us.size(); ++i)
        if (cpu.histogram_us[i] > 0) columns[std::to_string(i)] = cpu.histogram_us[i];
    return {{"histogram", columns},
            {"cycles", s.cycles},
            {"min", nanoseconds ? s.min_ns : s.min_ns / 1000},
            {"max", nanoseconds ? s.max_ns : s.max_ns / 1000},
            {"avg", nanoseconds ? s.avg_ns : us(s.avg_ns)},
            {"cpu", s.cpu},
            {"missed", s.missed},
            {"early", s.early},
            {"overflows", s.overflows},
            {"overflow_cycles", cpu.overflow_cycles},
            {"nanoseconds",
             {{"min", s.min_ns},
              {"last", s.last_ns},
              {"max", s.max_ns},
              {"avg", s.avg_ns},
              {"percentiles", percentiles_json(s.percentiles_ns)},
              {"histogram", cpu.histogram_ns},
              {"corrected_percentiles", percentiles_json(s.corrected_percentiles_ns)},
              {"corrected_histogram", cpu.corrected_ns}}},
            {"spikes", s.spikes},
            {"windows", windows_json(cpu.windows)},
            {"smis", cpu.smis ? Json(*cpu.smis) : Json()},
            {"stolen_ms", cpu.stolen_ms},
            {"audit",
             {{"thread", cpu.audit.thread},
              {"policy", cpu.audit.policy},
              {"priority", cpu.audit.priority},
              {"affinity", format_cpu_list(cpu.audit.affinity)},
              {"migrated", cpu.audit.migrated},
              {"minor_faults", s.minor_faults},
              {"major_faults", s.major_faults},
              {"allocations", cpu.audit.allocations},
              {"voluntary_switches", cpu.audit.voluntary_switches},
              {"involuntary_switches", cpu.audit.involuntary_switches},
              {"cpu_time_ns", cpu.audit.cpu_time_ns}}}};
}

CpuResult cpu_from(const Json& json, std::size_t columns) {
    CpuResult cpu;
    auto& s = cpu.statistics;
    cpu.histogram_us.resize(columns);
    for (const auto& [key, count] : json.at("histogram").items()) {
        std::size_t index = columns;
        std::from_chars(key.data(), key.data() + key.size(), index);
        cpu.histogram_us.at(index) = count;
    }
    s.cycles = json.at("cycles");
    s.cpu = json.at("cpu");
    s.missed = json.at("missed");
    s.early = json.at("early");
    s.overflows = json.at("overflows");
    cpu.overflow_cycles = json.at("overflow_cycles").get<std::vector<std::uint64_t>>();
    const auto& ns = json.at("nanoseconds");
    s.min_ns = ns.at("min");
    s.last_ns = ns.at("last");
    s.max_ns = ns.at("max");
    s.avg_ns = ns.at("avg");
    for (std::size_t i = 0; i < percentile_names.size(); ++i)
        s.percentiles_ns[i] = ns.at("percentiles").at(percentile_names[i]);
    cpu.histogram_ns = ns.at("histogram").get<decltype(cpu.histogram_ns)>();
    if (ns.contains("corrected_histogram")) { // since the first version
        for (std::size_t i = 0; i < percentile_names.size(); ++i)
            s.corrected_percentiles_ns[i] = ns.at("corrected_percentiles").at(percentile_names[i]);
        cpu.corrected_ns = ns.at("corrected_histogram").get<decltype(cpu.corrected_ns)>();
        s.spikes = json.at("spikes");
        cpu.windows = windows_from(json.at("windows"));
    } else {
        s.corrected_percentiles_ns = s.percentiles_ns;
        cpu.corrected_ns = cpu.histogram_ns;
    }
    if (const auto smis = json.find("smis"); smis != json.end() && !smis->is_null())
        cpu.smis = smis->get<std::uint64_t>();
    cpu.stolen_ms = json.value("stolen_ms", std::uint64_t{0});
    const auto& audit = json.at("audit");
    cpu.audit.thread = audit.at("thread");
    cpu.audit.policy = audit.at("policy");
    cpu.audit.priority = audit.at("priority");
    cpu.audit.affinity = parse_cpu_list(audit.at("affinity").get<std::string>());
    cpu.audit.migrated = audit.at("migrated");
    s.minor_faults = audit.at("minor_faults");
    s.major_faults = audit.at("major_faults");
    cpu.audit.allocations = audit.value("allocations", std::uint64_t{0}); // since the laboratory has loads
    cpu.audit.voluntary_switches = audit.at("voluntary_switches");
    cpu.audit.involuntary_switches = audit.at("involuntary_switches");
    cpu.audit.cpu_time_ns = audit.at("cpu_time_ns");
    return cpu;
}

End end_from(std::string_view text) {
    for (const auto end : {End::Duration, End::Stopped, End::Break, End::Overloaded, End::Running})
        if (name_of(end) == text) return end;
    throw fail(Reason::InvalidArgument, "'{}' is not the end of a measurement", text);
}

Result result_from(const Json& json) {
    Result result;
    result.options = options_from(json.at("options"));
    result.started = from_unix_us(json.at("started_unix_us"));
    result.ended = from_unix_us(json.at("ended_unix_us"));
    result.started_monotonic_ns = json.value("started_monotonic_ns", std::int64_t{0});
    result.end = end_from(json.at("end").get<std::string>());
    result.end_cpu = json.at("end_cpu");
    result.dma_latency_held = json.at("dma_latency_held");
    result.memory_locked = json.at("memory_locked");
    result.load = json.value("load", "");
    result.invalid = json.at("invalid").get<std::vector<std::string>>();
    result.notes = json.at("notes").get<std::vector<std::string>>();
    const auto& system = json.at("sysinfo");
    auto& environment = result.environment;
    environment.sysname = system.at("sysname");
    environment.nodename = system.at("nodename");
    environment.release = system.at("release");
    environment.version = system.at("version");
    environment.machine = system.at("machine");
    environment.realtime = system.at("realtime").get<int>() != 0;
    environment.command_line = system.at("command_line");
    environment.clocksource = system.at("clocksource");
    environment.cpus_online = system.at("cpus_online");
    environment.microcode = system.value("microcode", "");
    environment.bios = system.value("bios", "");
    environment.cpu_model = system.value("cpu_model", "");
    environment.deployment = system.value("deployment", "");
    for (const auto& finding : system.value("findings", Json::array()))
        environment.findings.push_back(finding_from(finding));
    for (const auto& spike : json.value("spikes", Json::array()))
        result.spikes.push_back(spike_from(spike));
    for (const auto& [index, cpu] : json.at("thread").items())
        result.cpus.push_back(cpu_from(cpu, result.options.histogram_us));
    return result;
}

} // namespace

std::string report_json(const Result& result) {
    const auto& environment = result.environment;
    Json threads = Json::object();
    for (std::size_t i = 0; i < result.cpus.size(); ++i)
        threads[std::to_string(i)] = cpu_json(result.cpus[i], result.options.nanoseconds);
    const Json json{{"file_version", 1},
                    {"rtnode_version", RTNODE_VERSION},
                    {"start_time", rfc2822(result.started)},
                    {"end_time", rfc2822(result.ended)},
                    {"started_unix_us", unix_us(result.started)},
                    {"started_monotonic_ns", result.started_monotonic_ns},
                    {"ended_unix_us", unix_us(result.ended)},
                    {"return_code", 0},
                    {"sysinfo",
                     {{"sysname", environment.sysname},
                      {"nodename", environment.nodename},
                      {"release", environment.release},
                      {"version", environment.version},
                      {"machine", environment.machine},
                      {"realtime", environment.realtime ? 1 : 0},
                      {"command_line", environment.command_line},
                      {"clocksource", environment.clocksource},
                      {"cpus_online", environment.cpus_online},
                      {"microcode", environment.microcode},
                      {"bios", environment.bios},
                      {"cpu_model", environment.cpu_model},
                      {"deployment", environment.deployment},
                      {"findings", list_json(environment.findings, finding_json)}}},
                    {"options", options_json(result.options)},
                    {"end", name_of(result.end)},
                    {"end_cpu", result.end_cpu},
                    {"dma_latency_held", result.dma_latency_held},
                    {"memory_locked", result.memory_locked},
                    {"load", result.load},
                    {"valid", result.valid()},
                    {"invalid", result.invalid},
                    {"notes", result.notes},
                    {"num_threads", result.cpus.size()},
                    {"resolution_in_ns", result.options.nanoseconds ? 1 : 0},
                    {"spikes", list_json(result.spikes, spike_json)},
                    {"thread", threads}};
    // The kernel's command line may hold any byte; replace what isn't UTF-8 rather than fail.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result from_json(std::string_view text) {
    try {
        return result_from(Json::parse(text));
    } catch (const std::exception& e) {
        throw fail(Reason::InvalidArgument, "this is not a measurement's JSON: {}", e.what());
    }
}

} // namespace rtnode::latency
