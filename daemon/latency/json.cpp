// Results as JSON and back. The frame is cyclictest's --json (file_version 1), so that what reads that finds its way;
// what it has no word for stands in keys of our own beside.

#include "latency/report.hpp"

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
            {"cpus", format_cpu_list(options.cpus)},
            {"interval_us", options.interval.count()},
            {"duration_ns", options.duration.count()},
            {"duration", format_duration(options.duration)},
            {"policy", name_of(options.policy)},
            {"priority", options.priority},
            {"histogram_us", options.histogram_us},
            {"break_us", options.break_us},
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
    options.force = json.at("force");
    return options;
}

Json cpu_json(const CpuResult& cpu) {
    const auto& s = cpu.statistics;
    Json columns = Json::object();
    for (std::size_t i = 0; i < cpu.histogram_us.size(); ++i)
        if (cpu.histogram_us[i] > 0) columns[std::to_string(i)] = cpu.histogram_us[i];
    Json percentiles = Json::object();
    for (std::size_t i = 0; i < percentile_names.size(); ++i)
        percentiles[percentile_names[i]] = s.percentiles_ns[i];
    return {{"histogram", columns},
            {"cycles", s.cycles},
            {"min", s.min_ns / 1000},
            {"max", s.max_ns / 1000},
            {"avg", us(s.avg_ns)},
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
              {"percentiles", percentiles},
              {"histogram", cpu.histogram_ns}}},
            {"audit",
             {{"thread", cpu.audit.thread},
              {"policy", cpu.audit.policy},
              {"priority", cpu.audit.priority},
              {"affinity", format_cpu_list(cpu.audit.affinity)},
              {"migrated", cpu.audit.migrated},
              {"minor_faults", s.minor_faults},
              {"major_faults", s.major_faults},
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
    const auto& audit = json.at("audit");
    cpu.audit.thread = audit.at("thread");
    cpu.audit.policy = audit.at("policy");
    cpu.audit.priority = audit.at("priority");
    cpu.audit.affinity = parse_cpu_list(audit.at("affinity").get<std::string>());
    cpu.audit.migrated = audit.at("migrated");
    s.minor_faults = audit.at("minor_faults");
    s.major_faults = audit.at("major_faults");
    cpu.audit.voluntary_switches = audit.at("voluntary_switches");
    cpu.audit.involuntary_switches = audit.at("involuntary_switches");
    cpu.audit.cpu_time_ns = audit.at("cpu_time_ns");
    return cpu;
}

End end_from(std::string_view text) {
    for (const auto end : {End::Duration, End::Stopped, End::Break, End::Overloaded})
        if (name_of(end) == text) return end;
    throw fail(Reason::InvalidArgument, "'{}' is not the end of a measurement", text);
}

Result result_from(const Json& json) {
    Result result;
    result.options = options_from(json.at("options"));
    result.started = from_unix_us(json.at("started_unix_us"));
    result.ended = from_unix_us(json.at("ended_unix_us"));
    result.end = end_from(json.at("end").get<std::string>());
    result.end_cpu = json.at("end_cpu");
    result.dma_latency_held = json.at("dma_latency_held");
    result.memory_locked = json.at("memory_locked");
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
    for (const auto& [index, cpu] : json.at("thread").items())
        result.cpus.push_back(cpu_from(cpu, result.options.histogram_us));
    return result;
}

} // namespace

std::string report_json(const Result& result) {
    const auto& environment = result.environment;
    Json threads = Json::object();
    for (std::size_t i = 0; i < result.cpus.size(); ++i)
        threads[std::to_string(i)] = cpu_json(result.cpus[i]);
    const Json json{{"file_version", 1},
                    {"rtnode_version", RTNODE_VERSION},
                    {"start_time", rfc2822(result.started)},
                    {"end_time", rfc2822(result.ended)},
                    {"started_unix_us", unix_us(result.started)},
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
                      {"cpus_online", environment.cpus_online}}},
                    {"options", options_json(result.options)},
                    {"end", name_of(result.end)},
                    {"end_cpu", result.end_cpu},
                    {"dma_latency_held", result.dma_latency_held},
                    {"memory_locked", result.memory_locked},
                    {"valid", result.valid()},
                    {"invalid", result.invalid},
                    {"notes", result.notes},
                    {"num_threads", result.cpus.size()},
                    {"resolution_in_ns", 0},
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
