#include "profile/gate/reboot_policy.hpp"

#include "state/error.hpp"

#include <gmock/gmock.h>

namespace rtnode::profile {
namespace {

using namespace std::chrono_literals;
using std::chrono::Friday;
using std::chrono::Monday;
using std::chrono::Saturday;
using std::chrono::Sunday;
using std::chrono::weekday;
using testing::HasSubstr;

Profile with(Profile::Reboot reboot) {
    Profile profile;
    profile.name = "worker-rt";
    profile.reboot = reboot;
    return profile;
}

Profile window(const char* start, std::chrono::minutes length, std::vector<std::string> days = {}) {
    auto profile = with(Profile::Reboot::window);
    profile.window_start = start;
    profile.window_length = length;
    profile.window_days = std::move(days);
    return profile;
}

RebootFacts at(weekday day, const char* time) {
    RebootFacts facts;
    facts.weekday = day;
    facts.minute_of_day = parse_time_of_day(time);
    return facts;
}

bool goes(const Profile& profile, const RebootFacts& facts) {
    return decide(profile, facts).go;
}

} // namespace

TEST(RebootPolicy, ManuallyItWaitsForACallAndForNothingElse) {
    const auto decision = decide(with(Profile::Reboot::manual), {});
    EXPECT_FALSE(decision.go);
    EXPECT_THAT(decision.why_waiting, HasSubstr("Reboot"));
    EXPECT_EQ(decision.look_again, std::nullopt);
}

TEST(RebootPolicy, ImmediatelyItGoesAtOnce) {
    auto facts = at(Monday, "12:00");
    facts.users_logged_in = 3;
    facts.measurements_running = true;
    EXPECT_EQ(decide(with(Profile::Reboot::immediate), facts), (Decision{true, "", std::nullopt}));
}

TEST(RebootPolicy, JobsAndInhibitorsHoldOffEveryReboot) {
    auto profile = window("02:00", 2h);
    profile.go_file = "/run/go";
    for (const auto reboot : {Profile::Reboot::immediate, Profile::Reboot::window, Profile::Reboot::external}) {
        profile.reboot = reboot;
        auto facts = at(Monday, "02:00");
        facts.go_file_there = true;
        EXPECT_TRUE(goes(profile, facts));
        facts.inhibitors = {"kubelet: pods end", "root: backup"};
        EXPECT_EQ(decide(profile, facts).why_waiting,
                  "waits for what inhibits a shutdown: kubelet: pods end; root: backup");
        EXPECT_NE(decide(profile, facts).look_again, std::nullopt);
        facts.jobs_busy = true;
        EXPECT_EQ(decide(profile, facts).why_waiting, "waits for the jobs to end");
    }
}

TEST(RebootPolicy, IdleIsWithoutJobsMeasurementsAndPeople) {
    const auto profile = with(Profile::Reboot::idle);
    RebootFacts facts;
    EXPECT_TRUE(goes(profile, facts));
    facts.users_logged_in = 2;
    EXPECT_EQ(decide(profile, facts).why_waiting, "waits for the node to be idle: 2 users logged in");
    EXPECT_NE(decide(profile, facts).look_again, std::nullopt);
    facts.jobs_busy = facts.measurements_running = true;
    facts.users_logged_in = 1;
    EXPECT_EQ(decide(profile, facts).why_waiting,
              "waits for the node to be idle: a job isn't over, a measurement runs, 1 user logged in");
}

TEST(RebootPolicy, InAWindowFromItsFirstMinuteToBeforeItsEnd) {
    const auto profile = window("02:00", 2h);
    EXPECT_FALSE(goes(profile, at(Monday, "01:59")));
    EXPECT_TRUE(goes(profile, at(Monday, "02:00")));
    EXPECT_TRUE(goes(profile, at(Monday, "03:59")));
    EXPECT_FALSE(goes(profile, at(Monday, "04:00")));
}

TEST(RebootPolicy, TheWindowIsSaid) {
    EXPECT_EQ(decide(window("02:00", 2h, {"sat", "sun"}), at(Monday, "02:00")).why_waiting,
              "waits for the window 02:00-04:00 on sat, sun");
    EXPECT_EQ(decide(window("23:30", 1h), at(Monday, "02:00")).why_waiting, "waits for the window 23:30-00:30");
}

TEST(RebootPolicy, AWindowHasItsDays) {
    const auto profile = window("02:00", 2h, {"sat", "sun"});
    EXPECT_FALSE(goes(profile, at(Friday, "03:00")));
    EXPECT_TRUE(goes(profile, at(Saturday, "03:00")));
    EXPECT_TRUE(goes(profile, at(Sunday, "03:00")));
    EXPECT_FALSE(goes(profile, at(Monday, "03:00")));
}

TEST(RebootPolicy, AWindowAcrossMidnightBelongsToTheDayOnWhichItBegins) {
    const auto profile = window("23:00", 4h, {"sat"});
    EXPECT_FALSE(goes(profile, at(Saturday, "00:30"))) << "Friday's";
    EXPECT_FALSE(goes(profile, at(Saturday, "22:59")));
    EXPECT_TRUE(goes(profile, at(Saturday, "23:00")));
    EXPECT_TRUE(goes(profile, at(Sunday, "02:59")));
    EXPECT_FALSE(goes(profile, at(Sunday, "03:00")));
    EXPECT_FALSE(goes(profile, at(Sunday, "23:30")));
}

TEST(RebootPolicy, AWindowOfADayIsOpenAllDay) {
    const auto profile = window("12:00", 24h);
    for (const auto* time : {"00:00", "11:59", "12:00", "23:59"})
        EXPECT_TRUE(goes(profile, at(Monday, time))) << time;
    const auto once = window("12:00", 24h, {"sat"});
    EXPECT_FALSE(goes(once, at(Saturday, "11:59")));
    EXPECT_TRUE(goes(once, at(Sunday, "11:59")));
    EXPECT_FALSE(goes(once, at(Sunday, "12:00")));
}

TEST(RebootPolicy, LooksAgainWhenTheWindowOpens) {
    auto facts = at(Monday, "01:55");
    EXPECT_EQ(decide(window("02:00", 1h), facts).look_again, 5min);
    facts.now += 20s; // of that minute
    EXPECT_EQ(decide(window("02:00", 1h), facts).look_again, 4min + 40s);
    EXPECT_EQ(decide(window("00:03", 1h, {"sun"}), at(Saturday, "23:58")).look_again, 5min);
}

TEST(RebootPolicy, LooksAgainEarlyEnoughForClocksThatAreSet) {
    EXPECT_EQ(decide(window("02:00", 1h, {"sun"}), at(Sunday, "12:00")).look_again, 10min);
    EXPECT_EQ(decide(window("02:00", 1h), at(Monday, "12:00")).look_again, 10min);
}

TEST(RebootPolicy, AWindowThatIsNoneIsRefused) {
    for (const auto& profile : {window("", 1h), window("2:00", 1h), window("24:00", 1h), window("02:60", 1h),
                                window("02:00", 0min), window("02:00", 25h), window("02:00", 1h, {"saturday"})})
        try {
            decide(profile, {});
            ADD_FAILURE() << profile.window_start;
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::Configuration);
            EXPECT_THAT(error.what(), HasSubstr("worker-rt"));
        }
}

TEST(RebootPolicy, WaitsForTheFileOrTheUnitThatGivesTheGo) {
    auto profile = with(Profile::Reboot::external);
    RebootFacts facts;
    profile.go_file = "/run/drained";
    EXPECT_EQ(decide(profile, facts).why_waiting, "waits for /run/drained to appear");
    EXPECT_NE(decide(profile, facts).look_again, std::nullopt);
    profile.go_unit = "drained.target";
    EXPECT_EQ(decide(profile, facts).why_waiting,
              "waits for /run/drained to appear or for drained.target to be active");
    facts.go_unit_active = true;
    EXPECT_TRUE(goes(profile, facts));
    facts.go_unit_active = false;
    facts.go_file_there = true;
    EXPECT_TRUE(goes(profile, facts));
}

TEST(RebootPolicy, AGoThatNobodyNamedNeverComes) {
    RebootFacts facts;
    facts.go_file_there = facts.go_unit_active = true;
    const auto decision = decide(with(Profile::Reboot::external), facts);
    EXPECT_FALSE(decision.go);
    EXPECT_EQ(decision.look_again, std::nullopt);
}

TEST(TimeOfDay, IsReadStrictly) {
    EXPECT_EQ(parse_time_of_day("00:00"), 0min);
    EXPECT_EQ(parse_time_of_day("23:59"), 1439min);
    for (const auto* text :
         {"", "2:00", "02.00", "02:0", "02:000", "-1:00", "+2:00", "24:00", "02:60", " 2:00", "02:00:00"})
        EXPECT_THROW(parse_time_of_day(text), Error) << text;
}

} // namespace rtnode::profile
