#include "latency/machine/noise.hpp"

#include "latency/machine/tracefs.hpp"
#include "state/file_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string_view>

namespace rtnode::latency {
namespace {

constexpr std::array<std::string_view, 6> files{
    "cpus", "options", "timerlat_period_us", "stop_tracing_us", "stop_tracing_total_us", "print_stack"};
constexpr std::string_view workload = "OSNOISE_WORKLOAD", no_workload = "NO_OSNOISE_WORKLOAD";

std::vector<std::string> words_of(const std::string& file) {
    std::istringstream text(file_text(file));
    std::vector<std::string> words;
    for (std::string word; text >> word;)
        words.push_back(word);
    return words;
}

/// Of a file with one value, or of `options` whether there is a workload; nothing when the kernel hasn't got it.
std::optional<std::string> value_of(const std::string& tracing, std::string_view file) {
    for (auto& word : words_of(fmt::format("{}/osnoise/{}", tracing, file)))
        if (file != "options" || word == workload || word == no_workload) return std::move(word);
    return std::nullopt;
}

/// Who runs osnoise or timerlat, for people; "" = nobody.
std::string user_of(const std::string& tracing) {
    const auto runs = [](const std::filesystem::path& folder) {
        const auto tracer = words_of(folder / "current_tracer");
        return tracer == std::vector<std::string>{"osnoise"} || tracer == std::vector<std::string>{"timerlat"}
                   ? tracer.front()
                   : std::string();
    };
    if (const auto tracer = runs(tracing); !tracer.empty()) return "the tracer " + tracer + " runs already";
    std::error_code error;
    for (const auto& instance : std::filesystem::directory_iterator(tracing + "/instances", error))
        if (const auto tracer = runs(instance.path()); !tracer.empty())
            return fmt::format("the tracer {} runs already, in tracefs' instance {}", tracer,
                               instance.path().filename().string());
    return "";
}

} // namespace

NoiseTracer::NoiseTracer(std::string tracer, const CpuList& cpus, std::string tracing)
    : tracer_(std::move(tracer)), tracing_(std::move(tracing)) {
    const auto available = words_of(tracing_ + "/available_tracers");
    const bool is_osnoise = tracer_ == "osnoise";
    const auto options = value_of(tracing_, "options");
    if (std::find(available.begin(), available.end(), tracer_) == available.end())
        why_not_ = fmt::format("this kernel has no tracer {}", tracer_);
    else if (is_osnoise && !options)
        why_not_ = "this kernel's osnoise can't run without a thread of its own on the measured CPUs";
    else
        why_not_ = user_of(tracing_);
    if (!why_not_.empty()) return;

    std::vector<std::pair<std::string_view, std::string>> wanted{
        {"cpus", format_cpu_list(cpus)}, {"options", std::string(is_osnoise ? no_workload : workload)}};
    if (!is_osnoise) {
        wanted.emplace_back("timerlat_period_us", "1000000"); // the longest
        // At a latency of that length it would stop the trace, or add the stack to it.
        for (const auto* limit : {"stop_tracing_us", "stop_tracing_total_us", "print_stack"})
            wanted.emplace_back(limit, "0");
    }
    for (auto& [file, value] : wanted)
        if (auto before = value_of(tracing_, file); before && *before != value)
            settings_.push_back({std::string(file), std::move(*before), std::move(value)});
    if (kept().size() > NAME_MAX - 20) why_not_ = "the list in osnoise/cpus is too long to be kept";
}

std::string NoiseTracer::kept() const {
    std::string text;
    for (const auto& setting : settings_)
        text += fmt::format(":{}={}", setting.file, setting.before);
    return text;
}

std::string NoiseTracer::start(const std::string& instance) const {
    const auto failed = [this](std::string_view file) {
        return fmt::format("the tracer {} can't be run: writing {}: {}", tracer_, file, std::strerror(errno));
    };
    for (const auto& setting : settings_)
        if (!write_tracefs(fmt::format("{}/osnoise/{}", tracing_, setting.file), setting.wanted))
            return failed("osnoise/" + setting.file);
    if (!write_tracefs(instance + "/current_tracer", tracer_)) return failed("current_tracer");
    return "";
}

void NoiseTracer::restore(const std::string& tracing, const std::string& instance_name) noexcept {
    auto rest = std::string_view(instance_name);
    auto colon = rest.find(':');
    if (colon == std::string_view::npos || !user_of(tracing).empty()) return;
    while (colon != std::string_view::npos) {
        rest.remove_prefix(colon + 1);
        colon = rest.find(':');
        const auto setting = rest.substr(0, colon);
        const auto equals = setting.find('=');
        if (equals == std::string_view::npos) continue;
        const auto file = setting.substr(0, equals);
        if (std::find(files.begin(), files.end(), file) != files.end())
            write_tracefs(fmt::format("{}/osnoise/{}", tracing, file), setting.substr(equals + 1));
    }
}

} // namespace rtnode::latency
