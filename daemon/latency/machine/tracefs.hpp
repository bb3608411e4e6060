#pragma once

#include "state/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace rtnode::latency {

/// @returns whether the kernel took it; errno says why not. Each of tracefs' files wants its text in one write(2).
inline bool write_tracefs(const std::string& file, std::string_view text) {
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

} // namespace rtnode::latency
