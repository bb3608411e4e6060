#pragma once
// Huge pages of a command line, and whether the node has the memory.

#include "profile/arguments/remark.hpp"
#include "state/profile.hpp"
#include "state/topology.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::profile {

/// The two sizes that x86_64 has; without an argument the first.
inline constexpr std::uint64_t small_page_kib = 2048, gigantic_page_kib = 1024 * 1024;

/// "1G", "2M", "2048k", as the kernel's memparse() reads sizes, in KiB; nothing for anything else, or 0.
std::optional<std::uint64_t> page_size_kib(std::string_view text);

/// The reverse, shortest: "1G", "2M", "64K".
std::string page_size_text(std::uint64_t size_kib);

struct PagesOfArgument {
    std::string token; ///< the hugepages= that asks for them
    Profile::HugePages pages;

    bool operator==(const PagesOfArgument&) const = default;
};

/// What a command line reserves: each hugepages= counts pages of the hugepagesz= before it, without one pages of the
/// default size; "0:4,1:2" are numbers for each NUMA node (5.16). Numbers that can't be read are left out.
std::vector<PagesOfArgument> pages_of(const std::vector<std::string>& tokens);

/// Pages that the node hasn't the memory for: above 80 % of a NUMA node's or of all memory a warning, above 95 % a
/// blocker, since the kernel then boots into a shortage or doesn't. The kernel spreads pages without a node evenly over
/// the nodes; where that would be more than one has, it takes them elsewhere, and that is a warning. Memory that isn't
/// known (0) isn't judged.
/// @param at_run_time the profile's; those of a NUMA node count, the others are among the tokens
std::vector<Remark> memory_remarks(const std::vector<std::string>& tokens,
                                   const std::vector<Profile::HugePages>& at_run_time, const NodeTopology& node);

} // namespace rtnode::profile
