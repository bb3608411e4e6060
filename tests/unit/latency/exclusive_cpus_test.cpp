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
    EXPECT_EQ(describe(found[0]), "CPU 3 belongs to container db of pod 59ad49f6-7ec6-4a71-a6c5-1b6e7d7a3b12 alone "
                                  "(kubelet's static CPU manager)");
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

class PartitionTest : public ExclusiveCpusTest {
  protected:
    void write(const std::string& path, const std::string& text) {
        std::filesystem::create_directories((root / path).parent_path());
        std::ofstream(root / path) << text << "\n";
    }
    /// A cgroup of the unified hierarchy. @param process "" = none runs in it
    void cgroup(const std::string& path, const std::string& partition, const std::string& cpus,
                const std::string& process) {
        const auto folder = "sys/fs/cgroup" + path;
        write(folder + "/cpuset.cpus.partition", partition);
        write(folder + "/cpuset.cpus.effective", cpus);
        write(folder + "/cgroup.procs", process);
    }
};

TEST_F(PartitionTest, AreThoseOfACgroupWithProcesses) {
    cgroup("/machine.slice", "root", "2-5", "");
    cgroup("/machine.slice/vm.scope", "isolated", "4-5", "812");
    cgroup("/user.slice", "member", "0-7", "900");
    const auto found = partitioned_cpus({1, 5}, root.string());
    ASSERT_EQ(found.size(), 2u) << "the slice has the CPU for what runs below it";
    EXPECT_THAT(found, ::testing::Each(::testing::Field(&ExclusiveCpus::cpus, ElementsAre(5))));
    EXPECT_THAT((std::vector{describe(found[0]), describe(found[1])}),
                ::testing::UnorderedElementsAre(
                    "CPU 5 belongs to cgroup /machine.slice alone (its cpuset is a partition)",
                    "CPU 5 belongs to cgroup /machine.slice/vm.scope alone (its cpuset is a partition)"));
    EXPECT_THAT(partitioned_cpus({0, 1, 6}, root.string()), IsEmpty());
}

TEST_F(PartitionTest, AreOwnedBesideThoseOfContainers) {
    with(two_pods, {});
    cgroup("/machine.slice", "root", "6-7", "812");
    const auto owned = owned_cpus({1, 4, 6}, doubt, root.string());
    ASSERT_EQ(owned.size(), 2u);
    EXPECT_EQ(owned[0].container, "fast");
    EXPECT_EQ(owned[1].cgroup, "/machine.slice");
}

TEST_F(PartitionTest, AreFreeWhereNobodyRunsOrThePartitionIsNotValid) {
    cgroup("/isolated.slice", "isolated", "2-3", ""); // as an admin makes one to measure in
    cgroup("/broken.slice", "root invalid (Cpu list in cpuset.cpus not exclusive)", "4-5", "77");
    EXPECT_THAT(partitioned_cpus({2, 3, 4, 5}, root.string()), IsEmpty());
}

TEST_F(PartitionTest, AreOursWhereWeRunOurselves) {
    write("proc/self/cgroup", "0::/rt.slice/rtnoded.service");
    cgroup("/rt.slice", "isolated", "2-3", "");
    cgroup("/rt.slice/rtnoded.service", "member", "2-3", "1");
    EXPECT_THAT(partitioned_cpus({2, 3}, root.string()), IsEmpty());
}

TEST_F(PartitionTest, AreKnownInTheOlderHierarchyToo) {
    write("proc/self/cgroup", "4:cpuset:/\n1:name=systemd:/vm\n0::/system.slice/rtnoded.service");
    for (const auto* folder : {"sys/fs/cgroup/cpuset", "sys/fs/cgroup/cpuset/vm"}) { // the root one is always exclusive
        write(folder + std::string("/cpuset.cpu_exclusive"), "1");
        write(folder + std::string("/cpuset.cpus"), "1");
        write(folder + std::string("/cgroup.procs"), "55");
    }
    const auto found = partitioned_cpus({0, 1}, root.string());
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].cgroup, "/vm");
}

} // namespace
} // namespace rtnode::latency
