// Who asks the socket gets the metrics, and who only holds the line gets nothing and costs nothing.
#include "metrics/socket.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

namespace rtnode::metrics {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SocketTest : public ::testing::Test {
  protected:
    ~SocketTest() override { std::filesystem::remove_all(folder); }

    UniqueFd connected() const {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    /// Until the other side closes.
    std::string read_all(const UniqueFd& fd) {
        std::string read;
        for (char bytes[4096];;) {
            const auto got = ::recv(fd.get(), bytes, sizeof bytes, 0);
            if (got > 0) read.append(bytes, static_cast<std::size_t>(got));
            // Whoever is answered before all that he sent was read is cut off.
            if (got == 0 || (got < 0 && errno != EAGAIN)) return read;
            if (got < 0 && !loop.run_once(10s)) return read + "(nothing more came)";
        }
    }
    std::string ask(const std::string& request) {
        const auto fd = connected();
        EXPECT_EQ(::send(fd.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
        return read_all(fd);
    }

    const std::filesystem::path folder =
        std::filesystem::path(::testing::TempDir()) / ("rtnode-metrics-" + std::to_string(::getpid()));
    const std::string path = (folder / "made/metrics").string();
    EventLoop loop;
    std::string text = "rtnode_info 1\n";
};

TEST_F(SocketTest, AnswersAsPrometheusWants) {
    const Socket socket(loop, path, [this] { return text; });
    EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 14\r\n"
              "Connection: close\r\n\r\nrtnode_info 1\n");
    EXPECT_THAT(ask("GET / HTTP/1.0\n\n"), EndsWith("rtnode_info 1\n"));
    EXPECT_THAT(ask("GET /metrics?x=y HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(ask("GET /etc/shadow HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(ask(std::string(9000, 'x')), StartsWith("HTTP/1.1 405")) << "an endless head is cut off";
}

TEST_F(SocketTest, TellsMoreThanASocketHoldsAtOnce) {
    text.assign(8 << 20, 'm');
    const Socket socket(loop, path, [this] { return text; });
    EXPECT_EQ(ask("GET / HTTP/1.0\r\n\r\n").size() > text.size(), true);
}

TEST_F(SocketTest, ServesOthersWhileSomebodyHoldsTheLine) {
    const Socket socket(
        loop, path, [this] { return text; }, 100ms);
    const auto silent = connected();
    ASSERT_TRUE(loop.run_once(10s));
    EXPECT_THAT(ask("GET / HTTP/1.0\r\n\r\n"), HasSubstr("rtnode_info"));
    EXPECT_EQ(read_all(silent), "") << "closed after its time";
}

TEST_F(SocketTest, WhoComesTakesThePlaceOfTheOldestThatAsksNothing) {
    const Socket socket(
        loop, path, [this] { return text; }, 1h);
    std::vector<UniqueFd> silent;
    for (int i = 0; i < 8; ++i) {
        silent.push_back(connected());
        ASSERT_TRUE(loop.run_once(10s));
    }
    EXPECT_THAT(ask("GET / HTTP/1.0\r\n\r\n"), HasSubstr("rtnode_info"));
    EXPECT_EQ(read_all(silent.front()), "") << "closed";
    char byte = 0;
    EXPECT_EQ(::recv(silent[1].get(), &byte, 1, 0), -1) << "the next one may still ask";
}

TEST_F(SocketTest, EverybodyMayAskAndNothingIsLeftBehind) {
    {
        const Socket socket(loop, path, [this] { return text; });
        struct stat status {};
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777, 0666u);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(SocketTest, TakesThePlaceOfASocketThatAKilledDaemonLeft) {
    auto left = std::make_unique<Socket>(loop, path, [this] { return text; });
    std::filesystem::rename(path, path + ".kept");
    left.reset();
    std::filesystem::rename(path + ".kept", path);
    const Socket socket(loop, path, [this] { return text; });
    EXPECT_THAT(ask("GET / HTTP/1.0\r\n\r\n"), HasSubstr("rtnode_info"));
}

TEST_F(SocketTest, RefusesToReplaceAFile) {
    std::filesystem::create_directories(folder / "made");
    std::ofstream(path) << "precious";
    try {
        const Socket socket(loop, path, [this] { return text; });
        ADD_FAILURE() << "took the file's place";
    } catch (const Error& e) {
        EXPECT_EQ(e.reason(), Reason::Configuration);
        EXPECT_THAT(e.what(), HasSubstr("something else is there"));
    }
    EXPECT_TRUE(std::filesystem::exists(path));
}

} // namespace
} // namespace rtnode::metrics
