#pragma once
// Servers for the download tests: a real nginx, and one that answers with exact bytes for what nginx can't be made to
// send (endless, cut off, stalled).

#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace rtnode {

/// Binds and listens on a free loopback port.
struct ListeningSocket {
    ListeningSocket();
    ~ListeningSocket();
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;
    int fd = -1;
    unsigned port = 0;
};

/// nginx, serving `root`; http and https. `locations` is put into its server block.
class WebServer {
  public:
    WebServer(const std::filesystem::path& folder, const std::filesystem::path& root,
              const std::string& locations = "");
    ~WebServer();
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;

    std::string url() const;       ///< "http://127.0.0.1:PORT"
    std::string https_url() const; ///< "https://localhost:PORT"
    std::filesystem::path certificate() const { return folder_ / "certificate.pem"; }
    std::filesystem::path key() const { return folder_ / "key.pem"; } ///< certificate()'s

    /// "GET /x 200" for each request that was answered so far, in order.
    std::string log() const;

  private:
    std::filesystem::path folder_;
    ListeningSocket http_, https_;
    pid_t nginx_ = -1;
};

/// tinyproxy, a forward proxy for http and https that wants a user name and password.
class ProxyServer {
  public:
    ProxyServer(const std::filesystem::path& folder, const std::string& username, const std::string& password);
    ~ProxyServer();
    ProxyServer(const ProxyServer&) = delete;
    ProxyServer& operator=(const ProxyServer&) = delete;

    std::string url() const; ///< "http://127.0.0.1:PORT"
    std::string log() const;

  private:
    std::filesystem::path folder_;
    unsigned port_ = 0;
    pid_t proxy_ = -1;
};

/// Answers the n-th connection with the n-th text, the last one for all further ones, then closes; a text that ends in
/// "…" is followed by zeros without end, one that ends in "|" by silence.
class RawServer {
  public:
    explicit RawServer(std::vector<std::string> answers);
    ~RawServer();
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;

    std::string url() const;
    unsigned connections() const { return connections_; }
    std::vector<std::string> requests() const; ///< heads, as they came

  private:
    void serve();
    std::vector<std::string> answers_;
    ListeningSocket socket_;
    std::atomic<bool> stop_{false};
    std::atomic<unsigned> connections_{0};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

} // namespace rtnode
