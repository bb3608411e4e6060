#include "metrics/socket.hpp"

#include "loop/journal.hpp"
#include "state/error.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace rtnode::metrics {
namespace {

constexpr std::size_t most_connections = 8, longest_request = 8192;

UniqueFd listen_at(const std::string& path) {
    const auto failed = [&](const char* what, int error = errno) {
        return fail(Reason::Configuration, "metrics can't be served at {}: {}: {}; choose another [metrics] socket",
                    path, what, std::strerror(error));
    };
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!path.starts_with('/') || path.size() >= sizeof address.sun_path)
        throw fail(Reason::Configuration, "metrics can't be served at '{}': give an absolute path of at most {} bytes",
                   path, sizeof address.sun_path - 1);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
        if (!S_ISSOCK(status.st_mode)) throw failed("something else is there", EEXIST);
        ::unlink(path.c_str()); // of a daemon that was killed
    }
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) throw failed("no socket");
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw failed("bind");
    if (::chmod(path.c_str(), 0666) != 0) throw failed("chmod");
    if (::listen(fd.get(), most_connections) != 0) throw failed("listen");
    return fd;
}

std::string answer(const char* status, std::string_view body) {
    return fmt::format("HTTP/1.1 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n"
                       "Connection: close\r\n\r\n{}",
                       status, body.size(), body);
}

} // namespace

std::string http_answer(std::string_view request, const std::function<std::string()>& text) {
    const auto line = request.substr(0, request.find_first_of("\r\n"));
    const auto method = line.substr(0, line.find(' '));
    auto target = line.substr(std::min(line.size(), method.size() + 1));
    target = target.substr(0, target.find_first_of(" ?"));
    if (method != "GET") return answer("405 Method Not Allowed", "only GET\n");
    if (target != "/" && target != "/metrics") return answer("404 Not Found", "here is only /metrics\n");
    return answer("200 OK", text());
}

/// Reads a request's head, then writes the answer.
struct Socket::Connection {
    UniqueFd fd;
    std::string request, answer;
    std::size_t written = 0;
    EventLoop::Source io, limit;
};

Socket::Socket(EventLoop& loop, std::string path, std::function<std::string()> text, std::chrono::milliseconds limit)
    : loop_(loop), path_(std::move(path)), text_(std::move(text)), limit_(limit), listener_(listen_at(path_)) {
    incoming_ = loop_.io(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

Socket::~Socket() {
    ::unlink(path_.c_str());
}

void Socket::close(std::list<Connection>::iterator connection) {
    connections_.erase(connection);
}

void Socket::accept() {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    if (connections_.size() >= most_connections) {
        // Who holds the line without asking must not keep out who asks.
        const auto idle = std::ranges::find_if(connections_, [](const auto& c) { return c.answer.empty(); });
        if (idle == connections_.end()) return; // all are being answered: who comes is closed at once
        close(idle);
    }
    const auto connection = connections_.emplace(connections_.end());
    connection->fd = std::move(fd);
    connection->limit = loop_.timer(limit_, [this, connection] { close(connection); });

    const auto write = [this, connection](std::uint32_t) {
        while (connection->written < connection->answer.size()) {
            const auto sent = ::send(connection->fd.get(), connection->answer.data() + connection->written,
                                     connection->answer.size() - connection->written, MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0 && errno == EAGAIN) return;
            if (sent < 0) break;
            connection->written += static_cast<std::size_t>(sent);
        }
        close(connection);
    };
    const auto read = [this, connection, write](std::uint32_t) {
        char bytes[1024];
        const auto got = ::recv(connection->fd.get(), bytes, sizeof bytes, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) return close(connection);
        connection->request.append(bytes, static_cast<std::size_t>(got));
        const bool whole = connection->request.find("\r\n\r\n") != std::string::npos ||
                           connection->request.find("\n\n") != std::string::npos;
        if (!whole && connection->request.size() < longest_request) return;
        connection->answer = http_answer(connection->request, text_);
        connection->io.stop(); // a descriptor is watched once; this callback lives until it returns
        connection->io = loop_.io(connection->fd.get(), EPOLLOUT, write);
    };
    connection->io = loop_.io(connection->fd.get(), EPOLLIN, read);
}

} // namespace rtnode::metrics
