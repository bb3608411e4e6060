#include "state/machine_files.hpp"

#include "state/error.hpp"
#include "state/file_text.hpp"
#include "state/numbers.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>

namespace rtnode {

namespace fs = std::filesystem;

std::optional<std::string> line_of(const fs::path& file) {
    const auto text = file_text(file);
    if (text.empty()) return std::nullopt;
    return trimmed(std::string_view(text).substr(0, text.find('\n')));
}

std::optional<std::int64_t> number_in(const fs::path& file) {
    return whole_number<std::int64_t>(line_of(file).value_or(""));
}

std::optional<CpuList> cpus_of(std::string_view list) {
    try {
        return parse_cpu_list(list);
    } catch (const Error&) {
        return std::nullopt; // odd is as good as missing
    }
}

std::optional<CpuList> cpus_of_mask(std::string_view mask) {
    try {
        return parse_cpu_mask(mask);
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::optional<CpuList> cpus_in(const fs::path& file) {
    const auto line = line_of(file);
    return line ? cpus_of(*line) : std::nullopt;
}

std::optional<CpuList> mask_in(const fs::path& file) {
    const auto line = line_of(file);
    return line ? cpus_of_mask(*line) : std::nullopt;
}

std::string trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto from = text.find_first_not_of(blanks);
    if (from == std::string_view::npos) return "";
    return std::string(text.substr(from, text.find_last_not_of(blanks) + 1 - from));
}

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        names.push_back(it->path().filename().string());
    std::ranges::sort(names);
    return names;
}

std::vector<unsigned> numbers_in(const fs::path& folder) {
    std::vector<unsigned> numbers;
    for (const auto& name : names_in(folder))
        if (const auto number = whole_number<unsigned>(name)) numbers.push_back(*number);
    std::ranges::sort(numbers);
    return numbers;
}

std::map<std::string, std::string> first_processor(const fs::path& root) {
    std::map<std::string, std::string> fields;
    std::ifstream file(root / "proc/cpuinfo");
    for (std::string line; std::getline(file, line) && !line.empty();)
        if (const auto colon = line.find(':'); colon != std::string::npos)
            fields.emplace(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    return fields;
}

fs::path cpu_file(const fs::path& root, unsigned cpu, std::string_view file) {
    return root / fmt::format("sys/devices/system/cpu/cpu{}/{}", cpu, file);
}

} // namespace rtnode
