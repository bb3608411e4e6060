// Nodes that stand in a folder.
#include "host/topology.hpp"
#include "temp_folder.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace rtnode::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

struct Topology : testing::Test {
    void write(const std::string& path, const std::string& text) const {
        const auto file = folder.path / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    void cpu(unsigned number, const std::string& package, const std::string& core, const std::string& siblings) const {
        const auto of_cpu = fmt::format("sys/devices/system/cpu/cpu{}/topology/", number);
        write(of_cpu + "physical_package_id", package + "\n");
        write(of_cpu + "core_id", core + "\n");
        write(of_cpu + "core_cpus_list", siblings + "\n");
    }
    void numa_node(unsigned number, const std::string& cpus, unsigned memory_kib, unsigned pages) const {
        const auto of_node = fmt::format("sys/devices/system/node/node{}/", number);
        write(of_node + "cpulist", cpus + "\n");
        write(of_node + "meminfo", fmt::format("Node {0} MemTotal:       {1} kB\nNode {0} MemFree:        {2} kB\n",
                                               number, memory_kib, memory_kib / 2));
        write(of_node + "hugepages/hugepages-1048576kB/nr_hugepages", fmt::format("{}\n", pages));
        write(of_node + "hugepages/hugepages-2048kB/nr_hugepages", "0\n");
    }
    void online(const std::string& online_cpus, const std::string& present_cpus) const {
        write("sys/devices/system/cpu/online", online_cpus + "\n");
        write("sys/devices/system/cpu/present", present_cpus + "\n");
    }

    TempFolder folder;
};

TEST_F(Topology, OfOneSocketWithoutSmtOrNumaIsOneNodeThatHasItAll) {
    online("0-1", "0-1");
    cpu(0, "0", "0", "0");
    cpu(1, "0", "1", "1");
    write("proc/meminfo", "MemTotal:       16384 kB\nMemFree:         8192 kB\nMemAvailable:   9000 kB\n");
    write("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "3\n");
    const auto node = read_topology(folder.path);
    EXPECT_EQ(node.online, (CpuList{0, 1}));
    ASSERT_THAT(node.cpus, SizeIs(2));
    EXPECT_EQ(node.cpus[1], (NodeTopology::Cpu{1, 0, 1, 0, {1}}));
    EXPECT_EQ(node.memory_kib, 16384U);
    EXPECT_THAT(node.numa, ElementsAre(NodeTopology::NumaNode{0, {0, 1}, 16384, 8192, {{2048, 3}}}));
}

TEST_F(Topology, OfTwoSocketsWithSmtKeepsTheirCoresApart) {
    online("0-7", "0-7");
    for (unsigned number = 0; number < 8; ++number) { // siblings are 4 apart, sockets odd and even
        const auto first = number % 4;
        cpu(number, fmt::format("{}", first % 2), fmt::format("{}", first / 2), fmt::format("{},{}", first, first + 4));
    }
    numa_node(1, "1,3,5,7", 2000, 4);
    numa_node(0, "0,2,4,6", 1000, 2);
    write("sys/devices/system/node/possible", "0-1\n");
    const auto node = read_topology(folder.path);
    ASSERT_THAT(node.cpus, SizeIs(8));
    EXPECT_EQ(node.cpus[7], (NodeTopology::Cpu{7, 1, 1, 1, {3, 7}}));
    EXPECT_EQ(node.cpus[6], (NodeTopology::Cpu{6, 0, 1, 0, {2, 6}}));
    ASSERT_THAT(node.numa, SizeIs(2));
    EXPECT_EQ(node.numa[0], (NodeTopology::NumaNode{0, {0, 2, 4, 6}, 1000, 500, {{2048, 0}, {1048576, 2}}}));
    EXPECT_THAT(node.numa[1].huge_pages, ElementsAre(Pair(2048, 0), Pair(1048576, 4)));
}

TEST_F(Topology, KnowsAnOfflineCpuAsPresentOnly) {
    online("0,2-3", "0-3");
    cpu(0, "0", "0", "0");
    cpu(2, "0", "1", "2-3");
    cpu(3, "0", "1", "2-3");
    const auto node = read_topology(folder.path);
    EXPECT_EQ(node.present, (CpuList{0, 1, 2, 3}));
    ASSERT_THAT(node.cpus, SizeIs(3));
    EXPECT_EQ(node.cpus[1].cpu, 2U);
    EXPECT_EQ(node.cpus[0].siblings, (CpuList{0})) << "its sibling is the one that is offline";
}

TEST_F(Topology, ReadsSiblingsFromTheOldFileOnOldKernels) {
    online("0-1", "0-1");
    for (const auto* file : {"cpu0", "cpu1"})
        write(fmt::format("sys/devices/system/cpu/{}/topology/thread_siblings_list", file), "0-1\n");
    EXPECT_EQ(read_topology(folder.path).cpus.at(1).siblings, (CpuList{0, 1}));
}

TEST_F(Topology, TakesIdsThatThePlatformDoesNotTellForZeroAndForTheLowestSibling) {
    online("0-1", "0-1");
    cpu(1, "-1", "-1", "0-1");
    EXPECT_EQ(read_topology(folder.path).cpus.at(1), (NodeTopology::Cpu{1, 0, 0, 0, {0, 1}}));
    EXPECT_EQ(read_topology(folder.path).cpus.at(0), (NodeTopology::Cpu{0, 0, 0, 0, {0}})) << "nothing told at all";
}

TEST_F(Topology, KnowsWhatProcessorItIs) {
    online("0", "0");
    write("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu pdpe1gb tsc\n\n"
                          "processor\t: 1\nvendor_id\t: AnotherVendor\n");
    write("sys/devices/cpu/caps/pmu_name", "skylake\n");
    const auto node = read_topology(folder.path);
    EXPECT_EQ(node.vendor, "GenuineIntel");
    EXPECT_THAT(node.flags, ElementsAre("fpu", "pdpe1gb", "tsc"));
    EXPECT_EQ(node.pmu_name, "skylake");
}

TEST_F(Topology, OfAnEmptyFolderIsUnknownAndNoError) {
    const auto node = read_topology(folder.path);
    EXPECT_THAT(node.online, IsEmpty());
    EXPECT_THAT(node.cpus, IsEmpty());
    EXPECT_THAT(node.numa, ElementsAre(NodeTopology::NumaNode{}));
    EXPECT_EQ(node.vendor, "");
    write("sys/devices/system/cpu/online", "many\n");
    EXPECT_THAT(read_topology(folder.path).online, IsEmpty());
}

TEST(TopologyHere, HasACpuAndItsMemory) {
    const auto node = read_topology();
    EXPECT_FALSE(node.cpus.empty());
    EXPECT_GT(node.memory_kib, 0U);
}

} // namespace
} // namespace rtnode::host
