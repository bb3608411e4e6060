#pragma once
// Metrics for whoever connects to a unix socket: `curl --unix-socket /run/rtnode/metrics http://localhost/metrics`.

#include "loop/event_loop.hpp"
#include "state/unique_fd.hpp"

#include <chrono>
#include <functional>
#include <list>
#include <string>

namespace rtnode::metrics {

class Socket {
  public:
    /// Listens at an absolute path, in a folder that it makes (0755) when missing, in place of a socket that is left
    /// there. Everybody may connect: what is told is readable on the bus too. At most 8 connections at once: one more
    /// takes the place of the oldest that has not asked yet.
    /// @param text of the metrics, asked for at each request
    /// @param limit for a connection, from its first byte to its last. @throws Error{Configuration}
    Socket(EventLoop& loop, std::string path, std::function<std::string()> text,
           std::chrono::milliseconds limit = std::chrono::seconds(5));
    ~Socket();
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

  private:
    struct Connection;

    void accept();
    void close(std::list<Connection>::iterator connection);

    EventLoop& loop_;
    std::string path_;
    std::function<std::string()> text_;
    std::chrono::milliseconds limit_;
    UniqueFd listener_;
    std::list<Connection> connections_;
    EventLoop::Source incoming_;
};

/// The answer to an HTTP request: 200 with the metrics for GET of "/" or "/metrics", else 404 or 405.
/// @param request at least its first line
std::string http_answer(std::string_view request, const std::function<std::string()>& text);

} // namespace rtnode::metrics
