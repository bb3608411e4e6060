#include "state/cpu_list.hpp"

#include "state/error.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <limits>
#include <set>

namespace rtnode {
namespace {

constexpr unsigned highest_cpu = 8191; // the kernel's NR_CPUS limit on x86-64
constexpr unsigned group_bits = 32;    // of a mask's group, which the kernel prints as 8 digits
constexpr std::size_t group_digits = group_bits / 4;

/// Cuts a whole number off the front of `text`.
bool take_number(std::string_view& text, unsigned& number) {
    if (text.empty() || text.front() < '0' || text.front() > '9') return false;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) number = std::numeric_limits<unsigned>::max(); // too high, which is said later
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return true;
}

Error bad_cpu_list(std::string_view text, std::string_view why) {
    return fail(Reason::InvalidArgument, "'{}' is not a list of CPUs: {}; write numbers and ranges like 0-3,5", text,
                why);
}

Error bad_cpu_mask(std::string_view text, std::string_view why) {
    return fail(Reason::InvalidArgument,
                "'{}' is not a mask of CPUs: {}; write groups of 8 hexadecimal digits like 00000001,0000000f", text,
                why);
}

std::string too_high() {
    return fmt::format("the highest possible CPU is {}", highest_cpu);
}

} // namespace

CpuList parse_cpu_list(std::string_view text) {
    auto rest = text;
    if (rest.ends_with('\n')) rest.remove_suffix(1);
    std::set<unsigned> cpus;
    while (!rest.empty()) {
        unsigned first = 0;
        if (!take_number(rest, first)) throw bad_cpu_list(text, "a number is missing");
        unsigned last = first;
        if (rest.starts_with('-')) {
            rest.remove_prefix(1);
            if (!take_number(rest, last)) throw bad_cpu_list(text, "a range has no end");
        }
        if (last < first) throw bad_cpu_list(text, "a range runs backwards");
        if (last > highest_cpu) throw bad_cpu_list(text, too_high());
        for (auto cpu = first; cpu <= last; ++cpu)
            cpus.insert(cpu);
        if (rest.empty()) break;
        if (rest.front() != ',') throw bad_cpu_list(text, fmt::format("'{}' is unexpected", rest.front()));
        rest.remove_prefix(1);
        if (rest.empty()) throw bad_cpu_list(text, "it ends with a comma");
    }
    return {cpus.begin(), cpus.end()};
}

std::string format_cpu_list(const CpuList& cpus) {
    std::string text;
    for (std::size_t i = 0; i < cpus.size();) {
        auto end = i + 1;
        while (end < cpus.size() && cpus[end] == cpus[end - 1] + 1)
            ++end;
        if (!text.empty()) text += ',';
        text += end - i > 1 ? fmt::format("{}-{}", cpus[i], cpus[end - 1]) : fmt::format("{}", cpus[i]);
        i = end;
    }
    return text;
}

std::string expand_cpu_list(const CpuList& cpus) {
    return fmt::format("{}", fmt::join(cpus, ","));
}

std::string cpu_mask(const CpuList& cpus) {
    std::vector<std::uint32_t> groups(cpus.empty() ? 1 : cpus.back() / group_bits + 1); // the lowest CPUs first
    for (const auto cpu : cpus)
        groups[cpu / group_bits] |= std::uint32_t{1} << (cpu % group_bits);
    std::string text;
    for (auto group = groups.rbegin(); group != groups.rend(); ++group)
        text += fmt::format("{}{:08x}", text.empty() ? "" : ",", *group);
    return text;
}

CpuList parse_cpu_mask(std::string_view text) {
    auto rest = text;
    if (rest.ends_with('\n')) rest.remove_suffix(1);
    CpuList cpus;
    for (unsigned lowest = 0;; lowest += group_bits) { // from the end, where CPU 0 is
        const auto comma = rest.rfind(',');
        const bool first = comma == std::string_view::npos;
        const auto group = first ? rest : rest.substr(comma + 1);
        // Only the first group may be short: what a shorter one inside means depends on who reads it.
        if (group.empty() || group.size() > group_digits || (!first && group.size() < group_digits))
            throw bad_cpu_mask(text, fmt::format("a group has {} digits", group.size()));
        std::uint32_t bits = 0;
        const auto* end = group.data() + group.size();
        if (const auto [stop, error] = std::from_chars(group.data(), end, bits, 16);
            error != std::errc{} || stop != end)
            throw bad_cpu_mask(text, fmt::format("'{}' is no hexadecimal number", group));
        if (lowest > highest_cpu) throw bad_cpu_mask(text, too_high());
        for (unsigned bit = 0; bit < group_bits; ++bit)
            if ((bits >> bit & 1) != 0) cpus.push_back(lowest + bit);
        if (first) return cpus;
        rest.remove_suffix(rest.size() - comma);
    }
}

CpuList cpus_in_both(const CpuList& a, const CpuList& b) {
    CpuList both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    return both;
}

CpuList cpus_in_either(const CpuList& a, const CpuList& b) {
    CpuList either;
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(either));
    return either;
}

CpuList cpus_without(const CpuList& all, const CpuList& some) {
    CpuList rest;
    std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(rest));
    return rest;
}

} // namespace rtnode
