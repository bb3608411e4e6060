#pragma once

#include "worker/reporter.hpp"

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace rtnode::worker {

/// The daemon's end of a worker's socket.
class Listener {
  public:
    Listener() {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_.data()) != 0)
            throw std::runtime_error("no socket pair");
    }
    ~Listener() {
        close(ends_[0]);
        close(ends_[1]);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    int socket() const { return ends_[1]; } ///< for a Reporter

    /// What was said since the last call.
    std::vector<Message> heard() const {
        std::vector<Message> messages;
        std::array<char, 1 << 16> buffer{};
        for (ssize_t got = 0; (got = recv(ends_[0], buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;)
            messages.push_back(decode(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
        return messages;
    }
    std::vector<std::string> lines() const {
        std::vector<std::string> all;
        for (const auto& message : heard())
            if (const auto* log = std::get_if<Log>(&message)) all.push_back(log->line);
        return all;
    }

  private:
    std::array<int, 2> ends_{};
};

} // namespace rtnode::worker
