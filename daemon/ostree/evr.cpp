#include "ostree/evr.hpp"

#include <algorithm>

namespace rtnode::ostree {
namespace {

bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool separator(char c) {
    return !digit(c) && !letter(c) && c != '~' && c != '^';
}

std::string_view segment(std::string_view& text, bool (*kind)(char)) {
    const auto end = std::find_if_not(text.begin(), text.end(), kind);
    const std::string_view part = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(part.size());
    return part;
}

} // namespace

int compare_versions(std::string_view a, std::string_view b) {
    if (a == b) return 0;
    while (!a.empty() || !b.empty()) {
        segment(a, separator);
        segment(b, separator);
        const bool tilde_a = a.starts_with('~'), tilde_b = b.starts_with('~');
        if (tilde_a || tilde_b) {
            if (!tilde_a) return 1;
            if (!tilde_b) return -1;
            a.remove_prefix(1);
            b.remove_prefix(1);
            continue;
        }
        const bool caret_a = a.starts_with('^'), caret_b = b.starts_with('^');
        if (caret_a || caret_b) {
            if (a.empty()) return -1;
            if (b.empty()) return 1;
            if (!caret_a) return 1;
            if (!caret_b) return -1;
            a.remove_prefix(1);
            b.remove_prefix(1);
            continue;
        }
        if (a.empty() || b.empty()) break;
        const bool numbers = digit(a.front());
        auto part_a = segment(a, numbers ? digit : letter), part_b = segment(b, numbers ? digit : letter);
        if (part_b.empty()) return numbers ? 1 : -1; // a number is newer than letters
        if (numbers) {
            part_a.remove_prefix(std::min(part_a.find_first_not_of('0'), part_a.size()));
            part_b.remove_prefix(std::min(part_b.find_first_not_of('0'), part_b.size()));
            if (part_a.size() != part_b.size()) return part_a.size() < part_b.size() ? -1 : 1;
        }
        if (const int order = part_a.compare(part_b); order != 0) return order < 0 ? -1 : 1;
    }
    if (a.empty() && b.empty()) return 0;
    return a.empty() ? -1 : 1;
}

int compare_evr(const Nevra& a, const Nevra& b) {
    if (a.epoch != b.epoch) return a.epoch < b.epoch ? -1 : 1;
    if (const int order = compare_versions(a.version, b.version); order != 0) return order;
    return compare_versions(a.release, b.release);
}

bool package_less(const Nevra& a, const Nevra& b) {
    if (const int order = a.name.compare(b.name); order != 0) return order < 0;
    if (const int order = compare_evr(a, b); order != 0) return order < 0;
    return a.arch < b.arch;
}

} // namespace rtnode::ostree
