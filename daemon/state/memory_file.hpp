#pragma once

#include "state/unique_fd.hpp"

#include <string_view>

namespace rtnode {

/// A file in memory that holds the text for good: sealed, so that whoever gets it can neither change nor shrink it
/// (memfd_create(2)). Positioned at its start. @param name for /proc and for messages. @throws Error{Internal}
UniqueFd sealed_memory_file(const char* name, std::string_view text);

} // namespace rtnode
