#include "profile/arguments/huge_pages.hpp"

#include "profile/arguments/table.hpp"
#include "state/numbers.hpp"

#include <algorithm>
#include <limits>

namespace rtnode::profile {
namespace {

constexpr double too_much = 0.95, much = 0.80; // parts of a memory

using Pages = Profile::HugePages;

double kib_of(const Pages& pages) {
    return static_cast<double>(pages.size_kib) * static_cast<double>(pages.count); // may be more than 64 bits hold
}

std::string gib(double kib) {
    return fmt::format("{:.1f} GiB", kib / (1024.0 * 1024.0));
}

/// "32 pages of 1G".
std::string said(const Pages& pages) {
    return fmt::format("{} of {}", counted(pages.count, "page"), page_size_text(pages.size_kib));
}

/// "0:4,1:2".
void add_by_node(std::string_view text, std::uint64_t size_kib, const std::string& token,
                 std::vector<PagesOfArgument>& all) {
    while (!text.empty()) {
        const auto part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        const auto colon = part.find(':');
        if (colon == std::string_view::npos) continue;
        const auto node = whole_number<unsigned>(part.substr(0, colon));
        const auto count = whole_number<std::uint64_t>(part.substr(colon + 1));
        if (node && count) all.push_back({token, {size_kib, *count, *node}});
    }
}

/// What is asked of one memory, and what of it can't be had.
struct Demand {
    std::string token;
    std::string pages; ///< "32 pages of 1G"
    double kib = 0;

    void add(const std::string& by, const Pages& more) {
        if (token.empty()) token = by;
        pages += (pages.empty() ? "" : " and ") + said(more);
        kib += kib_of(more);
    }
};

void judge(const Demand& demand, const std::string& memory, std::uint64_t memory_kib, std::vector<Remark>& remarks) {
    const auto part = demand.kib / static_cast<double>(memory_kib);
    if (part <= much) return;
    const auto text = fmt::format("{} for {} is {:.0f} % of {} ({})", gib(demand.kib), demand.pages, part * 100, memory,
                                  gib(static_cast<double>(memory_kib)));
    if (part > too_much)
        remarks.push_back({demand.token, Severity::blocker,
                           text + "; the node would boot without memory for anything else: ask for fewer",
                           Remark::Kind::dangerous});
    else
        remarks.push_back(
            {demand.token, Severity::warning, text + "; little is left for everything else", Remark::Kind::dangerous});
}

} // namespace

std::optional<std::uint64_t> page_size_kib(std::string_view text) {
    if (text.empty()) return std::nullopt;
    std::uint64_t unit = 0;
    switch (text.back()) {
    case 'k':
    case 'K':
        unit = 1;
        break;
    case 'm':
    case 'M':
        unit = 1024;
        break;
    case 'g':
    case 'G':
        unit = 1024 * 1024;
        break;
    default:
        return std::nullopt;
    }
    const auto number = whole_number<std::uint64_t>(text.substr(0, text.size() - 1));
    if (!number || *number == 0 || *number > std::numeric_limits<std::uint64_t>::max() / unit) return std::nullopt;
    return *number * unit;
}

std::string page_size_text(std::uint64_t size_kib) {
    if (size_kib % (1024 * 1024) == 0) return fmt::format("{}G", size_kib / (1024 * 1024));
    if (size_kib % 1024 == 0) return fmt::format("{}M", size_kib / 1024);
    return fmt::format("{}K", size_kib);
}

std::vector<PagesOfArgument> pages_of(const std::vector<std::string>& tokens) {
    auto size = small_page_kib;
    for (const auto& token : tokens) // wherever it stands, it counts for the whole line
        if (name_of_argument(token) == "default_hugepagesz")
            size = page_size_kib(value_of_argument(token)).value_or(size);
    std::vector<PagesOfArgument> all;
    for (const auto& token : tokens) {
        const auto name = name_of_argument(token);
        const auto value = value_of_argument(token);
        if (name == "hugepagesz") size = page_size_kib(value).value_or(size);
        if (name != "hugepages") continue;
        if (const auto count = whole_number<std::uint64_t>(value))
            all.push_back({token, {size, *count, std::nullopt}});
        else
            add_by_node(value, size, token, all);
    }
    return all;
}

std::vector<Remark> memory_remarks(const std::vector<std::string>& tokens, const std::vector<Pages>& at_run_time,
                                   const NodeTopology& node) {
    auto all = pages_of(tokens);
    for (const auto& pages : at_run_time)
        if (pages.numa_node)
            all.push_back({fmt::format("node{}/hugepages-{}kB", *pages.numa_node, pages.size_kib), pages});
    std::erase_if(all, [](const PagesOfArgument& asked) { return asked.pages.count == 0; });

    std::vector<Remark> remarks;
    Demand total;
    double spread = 0; // over all nodes
    for (const auto& [token, pages] : all) {
        total.add(token, pages);
        if (!pages.numa_node) spread += kib_of(pages);
        const auto is_it = [&, wanted = pages.numa_node](const auto& numa) { return numa.node == wanted; };
        if (pages.numa_node && std::none_of(node.numa.begin(), node.numa.end(), is_it))
            remarks.push_back({token, Severity::blocker,
                               fmt::format("NUMA node {} doesn't exist; name one of those that "
                                           "/sys/devices/system/node/online lists",
                                           *pages.numa_node)});
    }
    if (node.memory_kib > 0) judge(total, "the node's memory", node.memory_kib, remarks);
    const auto with_memory =
        std::count_if(node.numa.begin(), node.numa.end(), [](const auto& numa) { return numa.memory_kib > 0; });
    // With one node, what is asked of it is what was judged above.
    if (with_memory < 2) return remarks;
    for (const auto& numa : node.numa) {
        if (numa.memory_kib == 0) continue;
        Demand here;
        for (const auto& [token, pages] : all)
            if (pages.numa_node == numa.node) here.add(token, pages);
        const auto memory = fmt::format("the memory of NUMA node {}", numa.node);
        judge(here, memory, numa.memory_kib, remarks);
        const auto with_share = here.kib + spread / static_cast<double>(with_memory);
        const auto limit = too_much * static_cast<double>(numa.memory_kib);
        if (here.kib <= limit && with_share > limit)
            remarks.push_back({total.token, Severity::warning,
                               fmt::format("with an even share {} would be wanted of {} ({}): the kernel makes pages "
                                           "on other nodes instead; say how many on which node",
                                           gib(with_share), memory, gib(static_cast<double>(numa.memory_kib)))});
    }
    return remarks;
}

} // namespace rtnode::profile
