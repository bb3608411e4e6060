// `rtnodectl status` against the status block that the RHCOS-RT how-to prints. Its keys are aligned on the colon here,
// as rpm-ostree prints them.

#include "client/status.hpp"

#include <gtest/gtest.h>

using namespace rtnode::client;

namespace {

constexpr const char* pivot = "pivot://registry.svc.ci.openshift.org/ocp/"
                              "4.3-2019-11-05-194939@sha256:"
                              "3467568ce4f4cc41f29c1e1eef8c72ed188f940d923e0cb94b705d1599af3123";
constexpr const char* previous = "pivot://quay.io/openshift-release-dev/"
                                 "ocp-v4.0-art-dev@sha256:"
                                 "4e5cb300ff5a9bee07685b3fd152cb10f26f386bc89f20aad19c3e8fc0dd704a";

Json base() {
    return {{"stateroot", "rhcos"},
            {"checksum", "c3df460"},
            {"custom-url", pivot},
            {"custom-description", "Managed by machine-config-operator"},
            {"version", "43.81.201911051743.0"},
            {"timestamp", 1572976080}};
}

Json real_time() {
    Json deployment = base();
    deployment["checksum"] = "9f1e2d3";
    deployment["timestamp"] = 1572999999; // of our commit; the base's is shown
    deployment["base-checksum"] = "c3df460";
    deployment["base-version"] = "43.81.201911051743.0";
    deployment["base-timestamp"] = 1572976080;
    deployment["removed"] = {"kernel-core-4.18.0-147.el8.x86_64", "kernel-modules-4.18.0-147.el8.x86_64",
                             "kernel-4.18.0-147.el8.x86_64", "kernel-modules-extra-4.18.0-147.el8.x86_64"};
    deployment["replaced"] = Json::array({{{"before", "microcode_ctl-4:20190618-1.20190918.2.el8_1.x86_64"},
                                           {"after", "microcode_ctl-4:20190918-3.rhcos.1.el8.x86_64"}}});
    deployment["local-packages"] = {"kernel-rt-modules-4.18.0-147.rt24.93.el8.x86_64",
                                    "kernel-rt-core-4.18.0-147.rt24.93.el8.x86_64",
                                    "kernel-rt-modules-extra-4.18.0-147.rt24.93.el8.x86_64"};
    return deployment;
}

} // namespace

TEST(Status, PrintsTheHowTosBlockBeforeTheReboot) {
    Json pending = real_time();
    pending["diff"] = {{"upgraded", 1}, {"downgraded", 0}, {"removed", 4}, {"added", 3}};
    Json booted = base();
    booted["booted"] = true;
    const Json old{{"custom-url", previous},
                   {"custom-description", "Image generated via coreos-assembler"},
                   {"version", "42.80.20190828.2"},
                   {"timestamp", 1567000369}};
    const Json manager{{"Activity", "idle"}, {"Deployments", {pending, booted, old}}};

    EXPECT_EQ(format_status(manager), std::string(R"(State: idle
Deployments:
  )") + pivot + R"(
          CustomOrigin: Managed by machine-config-operator
               Version: 43.81.201911051743.0 (2019-11-05T17:48:00Z)
                  Diff: 1 upgraded, 4 removed, 3 added
   RemovedBasePackages: kernel-core kernel-modules kernel kernel-modules-extra 4.18.0-147.el8
  ReplacedBasePackages: microcode_ctl 4:20190618-1.20190918.2.el8_1 -> 4:20190918-3.rhcos.1.el8
         LocalPackages: kernel-rt-modules-4.18.0-147.rt24.93.el8.x86_64 kernel-rt-core-4.18.0-147.rt24.93.el8.x86_64 kernel-rt-modules-extra-4.18.0-147.rt24.93.el8.x86_64

* )" + pivot + R"(
          CustomOrigin: Managed by machine-config-operator
               Version: 43.81.201911051743.0 (2019-11-05T17:48:00Z)

  )" + previous + R"(
          CustomOrigin: Image generated via coreos-assembler
               Version: 42.80.20190828.2 (2019-08-28T13:52:49Z)
)");
}

TEST(Status, ShowsKernelAndNewKernelArgumentsOfThePendingDeployment) {
    Json pending = real_time();
    pending["pending"] = true;
    pending["kernel"] = "4.18.0-147.rt24.93.el8.x86_64";
    pending["kernel-arguments"] = {"rw", "console=tty0", "nohz=on", "console=ttyS0"};
    Json booted = base();
    booted["booted"] = true;
    booted["kernel"] = "4.18.0-147.el8.x86_64";
    const Json manager{{"Activity", "idle"},
                       {"KernelRelease", "4.18.0-147.el8.x86_64"},
                       {"KernelArguments", {"rw", "quiet", "console=tty0"}},
                       {"RebootRequired", true},
                       {"Deployments", {pending, booted}}};
    const std::string shown = format_status(manager);
    EXPECT_NE(shown.find("                Kernel: 4.18.0-147.rt24.93.el8.x86_64\n"
                         "       KernelArguments: rw console=tty0 +nohz=on +console=ttyS0 -quiet\n"
                         "        RebootRequired: yes, run \"systemctl reboot\" to start a reboot\n"),
              std::string::npos)
        << shown;
    EXPECT_NE(shown.find("                Kernel: 4.18.0-147.el8.x86_64 (running)\n"), std::string::npos) << shown;
}

TEST(Status, SaysThatTheRunningKernelIsRealTime) {
    Json booted = real_time();
    booted["booted"] = true;
    booted["kernel"] = "4.18.0-147.rt24.93.el8.x86_64";
    const std::string shown = format_status({{"Activity", "idle"},
                                             {"KernelRelease", "4.18.0-147.rt24.93.el8.x86_64"},
                                             {"RealTimeKernel", true},
                                             {"Deployments", Json::array({booted})}});
    EXPECT_NE(shown.find("Kernel: 4.18.0-147.rt24.93.el8.x86_64 (running, real-time)\n"), std::string::npos) << shown;
}

TEST(Status, WarnsOfANextBootThatLosesTheRealTimeKernel) {
    Json pending = base(), booted = real_time();
    pending["pending"] = true;
    pending["kernel"] = "4.18.0-148.el8.x86_64";
    booted["real-time"] = true;
    booted["kernel"] = "4.18.0-147.rt24.93.el8.x86_64";
    const Json manager{{"Activity", "idle"}, {"WillLoseRealTime", true}, {"Deployments", {pending, booted}}};
    const auto text = format_status(manager, false);
    EXPECT_EQ(text.find("State: idle\nWarning: the next boot has no real-time kernel"), 0U) << text;
    EXPECT_NE(text.find("\"rtnodectl update --no-pull\""), std::string::npos) << text;
    EXPECT_NE(text.find("Kernel: 4.18.0-147.rt24.93.el8.x86_64 (real-time)\n"), std::string::npos) << text;
    EXPECT_NE(text.find("Kernel: 4.18.0-148.el8.x86_64\n"), std::string::npos) << text;
}

TEST(Status, ShowsBothVersionsWhenTheNewCommitHasItsOwn) {
    Json deployment = real_time();
    deployment["version"] = "43.81.rt1";
    const std::string shown = format_status({{"Activity", "idle"}, {"Deployments", Json::array({deployment})}});
    EXPECT_NE(shown.find("               Version: 43.81.rt1 (2019-11-06T00:26:39Z)\n"
                         "           BaseVersion: 43.81.201911051743.0 (2019-11-05T17:48:00Z)\n"),
              std::string::npos)
        << shown;
}

TEST(Status, SaysFirstThatWhatWasAskedForIsNotBooted) {
    const Json manager{{"Activity", "idle"}, {"NotBooted", "what job 3 made is neither booted nor booted next: x"}};
    EXPECT_EQ(format_status(manager), "State: idle\n"
                                      "Warning: what job 3 made is neither booted nor booted next: x\n"
                                      "Deployments:\n"
                                      "  none\n");
}

TEST(Status, NamesTheCommitOfADeploymentWithoutCustomOrigin) {
    const Json deployment{{"origin", "fedora:fedora/x86_64/coreos/stable"}, {"checksum", "c3df460"}, {"version", "36"}};
    EXPECT_EQ(format_status({{"Activity", "working"}, {"Deployments", Json::array({deployment})}}),
              "State: working\n"
              "Deployments:\n"
              "  fedora:fedora/x86_64/coreos/stable\n"
              "  Version: 36\n"
              "   Commit: c3df460\n");
}

TEST(Status, ShowsWhatItCanOfADaemonThatSaysLessOrOtherThings) {
    EXPECT_EQ(format_status({{"Activity", "idle"}}), "State: idle\nDeployments:\n  none\n");
    const Json odd{{"stateroot", "os"}, {"removed", 7}};
    EXPECT_EQ(format_status({{"Activity", "idle"}, {"Deployments", Json::array({odd})}}),
              "State: idle\nDeployments:\n  os\n");
}

TEST(Status, InColorMakesTheBootedDeploymentAndNewKernelArgumentsBold) {
    const Json pending{
        {"stateroot", "os"}, {"pending", true}, {"kernel-arguments", Json::array({"rw", "nohz=\033on"})}};
    const Json booted{{"stateroot", "os"}, {"booted", true}};
    EXPECT_EQ(format_status({{"Activity", "idle"},
                             {"KernelArguments", Json::array({"rw"})},
                             {"Deployments", Json::array({pending, booted})}},
                            true),
              "State: idle\nDeployments:\n"
              "  os\n"
              "  KernelArguments: rw \033[1m+nohz=?on\033[0m\n"
              "\n"
              "* \033[1mos\033[0m\n");
}

TEST(Status, GroupsNamesByVersion) {
    EXPECT_EQ(group_by_evr({"a-1-1.x86_64", "b-2:1-1.noarch", "c-1-1.noarch"}), "a c 1-1, b 2:1-1");
    EXPECT_EQ(group_by_evr({"odd"}), "odd");
    EXPECT_EQ(group_by_evr({}), "");
}

TEST(Status, GroupsReplacementsByOldAndNewVersion) {
    const Json rows = Json::array({{{"before", "a-1-1.x86_64"}, {"after", "a-1-2.x86_64"}},
                                   {{"before", "b-1-1.x86_64"}, {"after", "b-1-2.x86_64"}},
                                   {{"before", "c-4-1.x86_64"}, {"after", "c-4-0.x86_64"}}});
    EXPECT_EQ(group_replaced(rows), "a b 1-1 -> 1-2, c 4-1 -> 4-0");
}
