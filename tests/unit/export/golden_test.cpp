// Byte for byte what was exported before, for OpenShift of today and for 4.3, and what another parser reads in it.
// RTNODE_WRITE_GOLDEN=1 in the environment writes golden/ anew, for a look at the difference.

#include "node.hpp"
#include "reading.hpp"

#include "state/file_text.hpp"

namespace rtnode::exports {
namespace {

using Json = nlohmann::json;

void expect_golden(const std::string& name, const std::string& document) {
    const auto path = std::filesystem::path(RTNODE_GOLDEN) / name;
    if (std::getenv("RTNODE_WRITE_GOLDEN") != nullptr) std::ofstream(path) << document;
    EXPECT_EQ(document, file_text(path)) << path;
}

Options for_4_3() {
    return {.ignition = "2.2.0"};
}

} // namespace

TEST(GoldenExport, OfToday) {
    expect_golden("today.yaml", document("all", node(), {}));
}

TEST(GoldenExport, Of4_3) {
    expect_golden("4.3.yaml", document("all", node(), for_4_3()));
}

TEST(GoldenExport, OfANodeThatIsNotWhatWasAskedForSaysSoAtItsTop) {
    auto state = node();
    state.condition = "diverged";
    state.booted_next = std::string(64, 'c');
    state.checks.push_back(failed("kernel-argument nohz=on", "nohz=on", "", "reboot"));
    state.checks.push_back(failed("kubelet-reserved-cpus", "0-1", "not set", "set reservedSystemCPUs"));
    state.checks.push_back({.name = "tree", .state = CheckState::unknown, .remedy = "the worker\nkind: died"});
    expect_golden("unverified.yaml", document("all", state, {.allow_unverified = true}));
}

TEST(ReadAgain, TheMachineConfigIsTheNodes) {
    const auto objects = read_again(document("machineconfig", node(), {}));
    ASSERT_EQ(objects.size(), 1U);
    EXPECT_EQ(objects[0], Json::parse(R"({
      "apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineConfig",
      "metadata": {"name": "50-rtnode-worker-rt",
                   "labels": {"machineconfiguration.openshift.io/role": "worker-rt"}},
      "spec": {
        "config": {"ignition": {"version": "3.2.0"}, "storage": {"files": [
          {"path": "/etc/rtnode/profiles.d/worker-rt.toml", "mode": 420, "overwrite": true,
           "contents": "[packages]\nkernel = \"rt\" # 100 % ü\n"},
          {"path": "/etc/rtnode/rtnoded.conf.d/50-exported.toml", "mode": 420, "overwrite": true,
           "contents": "[profile]\nname = \"worker-rt\"\n"}]}},
        "kernelArguments": ["nohz_full=2-7", "isolcpus=managed_irq,2-7", "skew_tick=1", "nohz=on", "mitigations=off"],
        "kernelType": "realtime"}})"));
}

TEST(ReadAgain, For4_3ItHasIgnitions2FilesAndNothingThat4_3DoesNotKnow) {
    const auto spec = read_again(document("machineconfig", node(), for_4_3())).at(0).at("spec");
    EXPECT_EQ(spec.at("config").at("ignition").at("version"), "2.2.0");
    const auto& file = spec.at("config").at("storage").at("files").at(1);
    EXPECT_EQ(file, Json::parse(R"({"filesystem": "root", "path": "/etc/rtnode/rtnoded.conf.d/50-exported.toml",
                                    "mode": 420, "contents": "[profile]\nname = \"worker-rt\"\n"})"));
    EXPECT_FALSE(spec.contains("kernelType"));
}

TEST(ReadAgain, TheKubeletReservesWhatTheNodeReserves) {
    const auto objects = read_again(document("kubeletconfig", node(), {.pool_label = "custom=rt"}));
    EXPECT_EQ(objects.at(0).at("spec"), Json::parse(R"({
      "machineConfigPoolSelector": {"matchLabels": {"custom": "rt"}},
      "kubeletConfig": {"cpuManagerPolicy": "static", "cpuManagerReconcilePeriod": "5s",
                        "topologyManagerPolicy": "best-effort", "reservedSystemCPUs": "0-1"}})"));
    const auto of_4_3 = read_again(document("kubeletconfig", node(), for_4_3()));
    EXPECT_EQ(of_4_3.at(0).at("spec").at("kubeletConfig"), Json::parse(R"({
      "cpuManagerPolicy": "static", "cpuManagerReconcilePeriod": "5s", "systemReserved": {"cpu": "2"}})"));
}

TEST(ReadAgain, TheTunedProfileHasTheSettingsAndIsRecommendedForTheRole) {
    const auto object = read_again(document("tuned", node(), {.role = "on", .name = "1e3", .tuned_priority = 0})).at(0);
    EXPECT_EQ(object.at("metadata").at("namespace"), "openshift-cluster-node-tuning-operator");
    EXPECT_EQ(object.at("spec").at("profile"), Json::array({{{"name", "1e3"}, {"data", R"([main]
summary=Run-time settings of a real-time node, exported by rtnode
include=openshift-node

[sysctl]
kernel.hung_task_timeout_secs=600
kernel.timer_migration=1
net.ipv4.tcp_rmem=4096 87380 6291456

[sysfs]
/sys/devices/virtual/workqueue/cpumask=00000003
/sys/devices/virtual/workqueue/*/cpumask=00000003
/sys/devices/system/machinecheck/machinecheck*/ignore_ce=1
/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages=4
)"}}}));
    EXPECT_EQ(
        object.at("spec").at("recommend"),
        Json::parse(R"([{"match": [{"label": "node-role.kubernetes.io/on"}], "priority": 0, "profile": "1e3"}])"));
}

TEST(ReadAgain, StringsStayStringsWhateverTheyLookLike) {
    for (const std::string odd : {"on", "no", "null", "1e3", "0x10", "12", "1.0", "yes"}) {
        const auto objects = read_again(document("all", node(), {.role = odd, .name = odd, .pool_label = odd}));
        ASSERT_EQ(objects.size(), 3U) << odd;
        for (const auto& object : objects)
            EXPECT_EQ(object.at("metadata").at("name"), odd);
        EXPECT_EQ(objects[0].at("metadata").at("labels").begin().value(), odd);
        EXPECT_EQ(objects[1].at("spec").at("machineConfigPoolSelector").at("matchLabels"), Json({{odd, ""}}));
    }
    auto state = node();
    state.cpus = {{0}, {1}};
    const auto kubelet = read_again(document("kubeletconfig", state, {})).at(0);
    EXPECT_EQ(kubelet.at("spec").at("kubeletConfig").at("reservedSystemCPUs"), "0");
}

TEST(ReadAgain, ArgumentsPassWhateverTheyHold) {
    const std::vector<std::string> odd{"on",    "~",      "- a", "a: b", "#x", "\"q\"", "'q'", "%YAML",
                                       "&a=*b", "{a: 1}", "\\n", "!x",   "ü",  "1:30",  "---", "=\xe2\x80\xa8"};
    auto state = node();
    std::vector<std::string> expected;
    std::vector<std::string> tokens;
    for (const auto& token : odd)
        tokens.push_back(token);
    state.deployment.kernel_arguments = KernelArguments(tokens);
    for (const auto& token : odd)
        if (token.find(' ') == std::string::npos) expected.push_back(token);
    const auto spec = read_again(document("machineconfig", state, {})).at(0).at("spec");
    EXPECT_EQ(spec.at("kernelArguments"), Json(expected));
}

TEST(ReadAgain, WhatAFailedCheckSaysStaysAComment) {
    auto state = node();
    state.checks.push_back(failed("kernel", "x\nkind: Secret\n---\n", "\xe2\x80\xa8kind: Secret", "reboot\r---"));
    const auto objects = read_again(document("all", state, {.allow_unverified = true}));
    ASSERT_EQ(objects.size(), 3U);
    EXPECT_EQ(objects[0].at("kind"), "MachineConfig");
}

} // namespace rtnode::exports
