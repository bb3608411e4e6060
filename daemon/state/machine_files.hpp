#pragma once
// Small files of /proc and /sys as values. What is missing, empty or odd is nothing, never an error.

#include "state/cpu_list.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode {

/// The first line without blanks at its ends; nothing when the file is missing, empty or can't be read.
std::optional<std::string> line_of(const std::filesystem::path& file);

/// The first line as a decimal number.
std::optional<std::int64_t> number_in(const std::filesystem::path& file);

/// The first line as a list like 0-3,5, and as a mask like f.
std::optional<CpuList> cpus_in(const std::filesystem::path& file);
std::optional<CpuList> mask_in(const std::filesystem::path& file);

/// Without an error: what isn't of that form is nothing.
std::optional<CpuList> cpus_of(std::string_view list);
std::optional<CpuList> cpus_of_mask(std::string_view mask);

/// Without blanks, tabs and line ends at both ends.
std::string trimmed(std::string_view text);

/// Of a folder, sorted: all names, and those that are numbers.
std::vector<std::string> names_in(const std::filesystem::path& folder);
std::vector<unsigned> numbers_in(const std::filesystem::path& folder);

/// The first processor's fields of /proc/cpuinfo, as "vendor_id" and "model name".
std::map<std::string, std::string> first_processor(const std::filesystem::path& root);

/// Path of a file in sys/devices/system/cpu/cpuN below `root`.
std::filesystem::path cpu_file(const std::filesystem::path& root, unsigned cpu, std::string_view file);

} // namespace rtnode
