#include "web_server.hpp"

#include "temporary_folder.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

namespace rtnode {
namespace {

pid_t spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment,
            const std::vector<int>& inherited = {}) {
    std::vector<char*> argv, envp;
    for (const auto& word : command)
        argv.push_back(const_cast<char*>(word.c_str()));
    for (const auto& word : environment)
        envp.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0); // openssl's dots
    for (const int fd : inherited)
        posix_spawn_file_actions_adddup2(&actions, fd, fd); // clears FD_CLOEXEC
    pid_t pid = -1;
    const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("can't start " + command[0]);
    return pid;
}

sockaddr_in loopback(unsigned port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

} // namespace

ListeningSocket::ListeningSocket() : fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (fd < 0 || bind(fd, generic, size) != 0 || listen(fd, 16) != 0 || getsockname(fd, generic, &size) != 0)
        throw std::runtime_error("no loopback port");
    port = ntohs(address.sin_port);
}

ListeningSocket::~ListeningSocket() {
    close(fd);
}

WebServer::WebServer(const std::filesystem::path& folder, const std::filesystem::path& root,
                     const std::string& locations)
    : folder_(folder) {
    std::filesystem::create_directories(folder_);
    const auto key = folder_ / "key.pem";
    // clang-format off
    const pid_t openssl = spawn({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                                 "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                                 "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate(), "-batch"},
                                {"PATH=/usr/bin:/bin"});
    // clang-format on
    int status = 0;
    waitpid(openssl, &status, 0);
    if (status != 0) throw std::runtime_error("openssl made no certificate");
    std::ofstream(folder_ / "nginx.conf") << fmt::format(
        R"({7} daemon off; worker_processes 1; error_log stderr crit; pid {0}/nginx.pid;
events {{ }}
http {{
  client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3; uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
  log_format short '$request_method $uri $status'; access_log {0}/access.log short;
  server {{
    listen 127.0.0.1:{1}; listen 127.0.0.1:{2} ssl;
    ssl_certificate {3}; ssl_certificate_key {4};
    root {5};
    location = /unlogged {{ access_log off; return 204; }}
    {6}
  }}
}}
)",
        folder_.string(), http_.port, https_.port, certificate().string(), key.string(), root.string(), locations,
        geteuid() == 0 ? "user root;" : ""); // nobody could not look into a folder of mode 0700
    // nginx takes over listening sockets by this variable (its way to upgrade itself). So clients can connect at
    // once: the kernel queues them until nginx accepts.
    nginx_ = spawn({"nginx", "-e", "stderr", "-p", folder_, "-c", folder_ / "nginx.conf"},
                   {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", fmt::format("NGINX={};{};", http_.fd, https_.fd)},
                   {http_.fd, https_.fd});
}

WebServer::~WebServer() {
    kill(nginx_, SIGTERM);
    waitpid(nginx_, nullptr, 0);
}

std::string WebServer::url() const {
    return fmt::format("http://127.0.0.1:{}", http_.port);
}
std::string WebServer::https_url() const {
    return fmt::format("https://localhost:{}", https_.port);
}
std::string WebServer::log() const {
    // Its only process serves one event after the other, and writes a request's line in the event that sent the
    // answer's end: once a later request is answered, the lines of the earlier ones are there.
    const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(http_.port);
    const std::string_view request = "GET /unlogged HTTP/1.0\r\n\r\n";
    char byte = 0;
    const bool answered = connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                          send(connection, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
                          read(connection, &byte, 1) == 1;
    close(connection);
    if (!answered) throw std::runtime_error("nginx doesn't answer");
    return TemporaryFolder::read(folder_ / "access.log");
}

ProxyServer::ProxyServer(const std::filesystem::path& folder, const std::string& username, const std::string& password)
    : folder_(folder) {
    std::filesystem::create_directories(folder_);
    port_ = ListeningSocket().port; // free a moment ago
    std::ofstream(folder_ / "tinyproxy.conf")
        << fmt::format("Port {}\nListen 127.0.0.1\nLogFile \"{}/log\"\nLogLevel Connect\nBasicAuth {} {}\n"
                       "MaxClients 20\nTimeout 20\n",
                       port_, folder_.string(), username, password);
    proxy_ = spawn({"tinyproxy", "-d", "-c", folder_ / "tinyproxy.conf"}, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"});
    const auto address = loopback(port_);
    for (bool answers = false; !answers && waitpid(proxy_, nullptr, WNOHANG) == 0;) {
        const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        answers = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
        close(probe);
    }
}

ProxyServer::~ProxyServer() {
    kill(proxy_, SIGTERM);
    waitpid(proxy_, nullptr, 0);
}

std::string ProxyServer::url() const {
    return fmt::format("http://127.0.0.1:{}", port_);
}
std::string ProxyServer::log() const {
    return TemporaryFolder::read(folder_ / "log");
}

RawServer::RawServer(std::vector<std::string> answers) : answers_(std::move(answers)), thread_([this] { serve(); }) {}

RawServer::~RawServer() {
    stop_ = true;
    shutdown(socket_.fd, SHUT_RDWR); // wakes accept()
    thread_.join();
}

std::string RawServer::url() const {
    return fmt::format("http://127.0.0.1:{}/x.rpm", socket_.port);
}

std::vector<std::string> RawServer::requests() const {
    const std::lock_guard guard(mutex_);
    return requests_;
}

void RawServer::serve() {
    for (;;) {
        const int connection = accept4(socket_.fd, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) return;
        const auto number = connections_++;
        std::string request;
        char byte = 0;
        while (!request.ends_with("\r\n\r\n") && read(connection, &byte, 1) == 1)
            request += byte;
        {
            const std::lock_guard guard(mutex_);
            requests_.push_back(request);
        }
        std::string answer = answers_[std::min<std::size_t>(number, answers_.size() - 1)];
        const bool endless = answer.ends_with("…"), silent = answer.ends_with("|");
        if (endless) answer.resize(answer.size() - std::string("…").size());
        if (silent) answer.pop_back();
        bool open = send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) >= 0;
        const std::string zeros(1 << 16, '\0');
        while (endless && open && !stop_)
            open = send(connection, zeros.data(), zeros.size(), MSG_NOSIGNAL) > 0;
        // Silence until the client has enough of it.
        for (pollfd waiting{connection, POLLIN, 0}; silent && !stop_ && poll(&waiting, 1, 50) == 0;) {
        }
        close(connection);
    }
}

} // namespace rtnode
