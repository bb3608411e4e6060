#include "state/error.hpp"
#include "state/profile.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rtnode {
namespace {

using namespace std::chrono_literals;

/// Every member has another value than a new profile's.
Profile full() {
    Profile profile;
    profile.name = "worker-rt";
    profile.description = "for tests";
    profile.files = {"/usr/lib/rtnode/profiles/worker-rt.toml", "/etc/rtnode/profiles.d/worker-rt.d/10.toml"};
    profile.kernel = "rt";
    profile.kernel_version = "newest";
    profile.replace = {"http://example.com/a.rpm"};
    profile.remove = {"b"};
    profile.install = {"c", "d"};
    profile.reserved = {0, 1};
    profile.isolated = {2, 3, 5};
    profile.reserve_cores = 2;
    profile.append = {"hugepagesz=1G", "hugepages=2"};
    profile.isolate = true;
    profile.balance_isolated = false;
    profile.real_time = false;
    profile.high_power = true;
    profile.default_huge_page_kib = 1048576;
    profile.huge_pages = {{1048576, 4, std::nullopt}, {2048, 512, 1}, {2048, 0, 0}};
    profile.housekeeping_workqueues = true;
    profile.housekeeping_interrupts = true;
    profile.ignore_corrected_errors = false;
    profile.timer_migration = true;
    profile.sysctls = {{"kernel.sched_rt_runtime_us", "-1"}, {"vm.stat_interval", "10"}};
    profile.require_real_time = true;
    profile.clocksource = "tsc";
    profile.microcode = "0x2b000603";
    profile.max_isolated_interrupts = 3;
    profile.acceptance = {.cpus = "isolated",
                          .duration = 600s,
                          .interval = 500us,
                          .max_us = 20,
                          .p99_99_us = 15,
                          .baseline = true,
                          .tolerance = 0.25,
                          .on_stock_kernel = true};
    profile.rollback = true;
    profile.force_on_managed = true;
    profile.reboot = Profile::Reboot::window;
    profile.window_start = "02:00";
    profile.window_length = 90min;
    profile.window_days = {"sat", "sun"};
    profile.go_file = "/run/go";
    profile.go_unit = "drained.target";
    return profile;
}

TEST(Profile, SurvivesTheWayToTheWorkerWhole) {
    const auto json = nlohmann::json::parse(nlohmann::json(full()).dump());
    EXPECT_EQ(json.get<Profile>(), full());
}

TEST(Profile, LeavesNothingOfWhatWasThereBefore) {
    auto profile = full();
    nlohmann::json(Profile{}).get_to(profile);
    EXPECT_EQ(profile, Profile{});
}

TEST(Profile, TellsWhatIsNotSetFromWhatIsOff) {
    auto profile = full();
    profile.ignore_corrected_errors.reset();
    profile.huge_pages = {{2048, 1, std::nullopt}, {2048, 1, 0}};
    const auto back = nlohmann::json(profile).get<Profile>();
    EXPECT_EQ(back.ignore_corrected_errors, std::nullopt);
    EXPECT_EQ(back.timer_migration, true);
    EXPECT_EQ(back.huge_pages, profile.huge_pages) << "NUMA node 0 isn't no node";
}

TEST(Profile, HasARowOfItsOwnForEachMember) {
    // A member that only one direction knows, or that shares its key, would show here.
    const nlohmann::json one = Profile{}, other = full();
    const auto a = one.flatten(), b = other.flatten();
    for (const auto& [path, value] : a.items())
        if (b.contains(path)) {
            EXPECT_NE(value, b.at(path)) << path;
        }
}

TEST(Profile, KnowsFiveWaysToReboot) {
    Profile profile;
    for (const auto reboot : {Profile::Reboot::manual, Profile::Reboot::immediate, Profile::Reboot::idle,
                              Profile::Reboot::window, Profile::Reboot::external}) {
        profile.reboot = reboot;
        EXPECT_EQ(nlohmann::json(profile).get<Profile>().reboot, reboot);
    }
    nlohmann::json json = profile;
    json["reboot"]["when"] = "never";
    EXPECT_THROW(json.get<Profile>(), Error);
}

TEST(Profile, RefusesJsonThatLacksAMember) {
    nlohmann::json json = full();
    json["acceptance"].erase("tolerance");
    EXPECT_THROW(json.get<Profile>(), nlohmann::json::exception);
}

} // namespace
} // namespace rtnode
