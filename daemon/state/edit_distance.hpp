#pragma once

#include <cstddef>
#include <string_view>

namespace rtnode {

/// Levenshtein's distance in bytes: to find out what a mistyped name was meant to be.
std::size_t edit_distance(std::string_view a, std::string_view b);

} // namespace rtnode
