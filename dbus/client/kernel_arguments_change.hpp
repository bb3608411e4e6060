#pragma once
// What changed between two lists of kernel arguments, for people.

#include <string>
#include <vector>

namespace rtnode::client {

struct KernelArgumentsChange {
    std::vector<std::string> added, removed; ///< in the order of the new, the old list
    std::vector<std::string> marked; ///< the new list, each new token behind a "+"; then each gone one behind a "-"

    bool empty() const { return added.empty() && removed.empty(); }
};

/// Compares as multisets: `console=` twice where it stood once is one added.
KernelArgumentsChange kernel_arguments_change(const std::vector<std::string>& before,
                                              const std::vector<std::string>& after);

} // namespace rtnode::client
