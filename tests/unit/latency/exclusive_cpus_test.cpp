// Whose CPUs they are, by kubelet's state file as its static CPU manager writes it.
#include "latency/exclusive_cpus.hpp"

#include <gmock/gmock.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace rtnode::latency {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ExclusiveCpusTest : public ::testing::Test {
  protected:
    ExclusiveCpusTest() { std::filesystem::create_directories(root / "var/lib/kubelet"); }
    ~ExclusiveCpusTest() override { std::filesystem::remove_all(root); }

    std::vector<ExclusiveCpus> with(const std::string& state, const CpuList& wanted) {
        std::ofstream(root / "var/lib/kubelet/cpu_manager_state") << state;
        return exclusive_cpus(wanted, doubt, root.string());
    }

    const std::filesystem::path root =
        std::filesystem::path(::testing::TempDir()) / ("rtnode-exclusive-" + std::to_string(::getpid()));
    std::string doubt;
};

constexpr const char* two_pods =
    R"({"policyName":"static","defaultCpuSet":"0-1,6-7","entries":{)"
    R"("59ad49f6-7ec6-4a71-a6c5-1b6e7d7a3b12":{"db":"2-3"},"a1b2":{"fast":"4","slow":"5"}},"checksum":3242152201})";

TEST_F(ExclusiveCpusTest, AreThoseThatAContainerHasForItself) {
    const auto found = with(two_pods, {1, 3, 4});
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(describe(found[0]), "CPU 3 belongs to container db of pod 59ad49f6-7ec6-4a71-a6c5-1b6e7d7a3b12 alone");
    EXPECT_THAT(found[1].cpus, ElementsAre(4));
    EXPECT_THAT(with(two_pods, {0, 1, 6, 7}), IsEmpty()) << "the shared pool";
    EXPECT_EQ(doubt, "");
}

TEST_F(ExclusiveCpusTest, AreNoneWithoutAStaticManager) {
    EXPECT_THAT(exclusive_cpus({0, 1}, doubt, root.string()), IsEmpty()) << "no kubelet";
    EXPECT_THAT(with(R"({"policyName":"none","defaultCpuSet":"","checksum":1353318690})", {0, 1}), IsEmpty());
    EXPECT_THAT(with(R"({"policyName":"static","defaultCpuSet":"0-7","checksum":1})", {0, 1}), IsEmpty());
    EXPECT_EQ(doubt, "");
}

TEST_F(ExclusiveCpusTest, AreDoubtfulWhenTheFileCanNotBeUnderstood) {
    for (const auto* state : {"", "{", R"({"policyName":"static","entries":{"a":{"b":"3-x"}}})", R"({"entries":{}})"}) {
        EXPECT_THAT(with(state, {0, 1}), IsEmpty()) << state;
        EXPECT_THAT(doubt, HasSubstr("cpu_manager_state can't be understood")) << state;
    }
}

} // namespace
} // namespace rtnode::latency
