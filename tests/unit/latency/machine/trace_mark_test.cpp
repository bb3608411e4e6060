// The kernel's trace, stopped. The files of tracefs are a stand-in: the real ones belong to the machine.
#include "latency/machine/trace_mark.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace rtnode::latency {
namespace {

class TraceMarkTest : public ::testing::Test {
  protected:
    TraceMarkTest() { std::filesystem::create_directories(root / "sys/kernel/tracing"); }
    ~TraceMarkTest() override { std::filesystem::remove_all(root); }

    void put(const std::string& name, const std::string& text) const {
        std::ofstream(root / "sys/kernel/tracing" / name) << text;
    }
    std::string content(const std::string& name) const {
        std::ifstream file(root / "sys/kernel/tracing" / name);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    std::string refusal() const {
        try {
            const TraceMark mark(root.string());
        } catch (const Error& e) {
            EXPECT_EQ(e.reason(), Reason::InvalidArgument);
            return e.what();
        }
        return "none";
    }

    const std::filesystem::path root =
        std::filesystem::path(::testing::TempDir()) / ("rtnode-trace-" + std::to_string(::getpid()));
};

TEST_F(TraceMarkTest, WritesCyclictestsWordsAndStopsTracing) {
    put("trace_marker", "");
    put("tracing_on", "1\n");
    const TraceMark mark(root.string());
    mark.stop_trace(123, 100);
    EXPECT_EQ(content("trace_marker"), "hit latency threshold (123 > 100)");
    EXPECT_EQ(content("tracing_on"), "0\n");
}

TEST_F(TraceMarkTest, NeedsATraceThatRuns) {
    EXPECT_THAT(refusal(), ::testing::HasSubstr("there is no tracefs"));
    put("trace_marker", "");
    put("tracing_on", "0\n");
    EXPECT_THAT(refusal(), ::testing::HasSubstr("tracing_on is 0"));
}

} // namespace
} // namespace rtnode::latency
