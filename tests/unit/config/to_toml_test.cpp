#include "config/to_toml.hpp"
#include "profile_fixture.hpp"

using namespace rtnode;
using namespace rtnode::config;

namespace {

class ToTomlTest : public ProfileFixture {
  protected:
    /// What the text of a profile is read as, under the same name and from the same file.
    Profile read_again(const Profile& profile) {
        auto again = profile_of(to_toml(profile));
        again.name = profile.name;
        again.files = profile.files;
        return again;
    }

    Settings settings_of(const std::string& text) {
        write("config/a.toml", text);
        return load(Sources::in(temp.path / "config"));
    }
};

} // namespace

TEST_F(ToTomlTest, AProfileWithEveryKeyIsReadAgainAsItself) {
    const auto profile = profile_of(documented_profile());
    EXPECT_NE(profile, Profile());
    EXPECT_EQ(read_again(profile), profile) << to_toml(profile);
}

TEST_F(ToTomlTest, SoIsEachProfileThatWeShip) {
    Sources shipped;
    shipped.profile_folders = {SHIPPED_PROFILES};
    for (const auto& name : profile_names(shipped)) {
        const auto profile = load_profile(shipped, name);
        EXPECT_EQ(read_again(profile), profile) << to_toml(profile);
    }
}

TEST_F(ToTomlTest, EachWindowIsReadAgainAsItself) {
    for (const std::string window : {"22:00-04:00", "00:00-24:00", "02:30-03:05", "22:00-24:00", "23:59-00:01"}) {
        const auto profile = profile_of("[reboot]\nwhen = \"window\"\nwindow = \"" + window + "\"\n");
        EXPECT_EQ(read_again(profile), profile) << to_toml(profile);
    }
}

TEST_F(ToTomlTest, DropInsAreFoldedIn) {
    write("usr/node.toml", "[kernel-arguments]\nappend = [\"nohz=on\"]\n");
    write("etc/node.toml.d/1.toml", "[kernel-arguments]\nappend = [\n\"skew_tick=1\",\n]\n");
    EXPECT_EQ(to_toml(load_profile(sources, "node")), "[kernel-arguments]\nappend = [\n\"skew_tick=1\",\n]\n");
}

TEST_F(ToTomlTest, StringsKeepWhatTomlHasAMeaningFor) {
    Profile profile;
    profile.name = "node";
    profile.description = R"("quotes", \backslashes\, 'more' and # ü)";
    profile.sysctls = {{"kernel.core_pattern", R"(|/bin/false "%P" \t)"}, {"net.ipv4.conf.a-b.x", "1"}};
    for (int length = 70; length < 90; ++length) // blanks wherever a line might be folded
        profile.sysctls["a.b" + std::to_string(length)] =
            std::string(static_cast<std::size_t>(length), 'x') + "  " + std::string(80, 'y');
    profile.files = {(temp.path / "usr/node.toml").string()};
    EXPECT_EQ(read_again(profile), profile) << to_toml(profile);
}

TEST_F(ToTomlTest, WhatIsAsWithoutAFileIsLeftOut) {
    EXPECT_EQ(to_toml(Profile()), "");
    EXPECT_EQ(to_toml(Settings()), "");
}

TEST_F(ToTomlTest, SettingsAreReadAgainAsThemselves) {
    const std::string text = R"(
[profile]
name = "worker-rt"
on-drift = "repair"
[packages]
kernel-version = "newest"
[update]
reapply = true
[kernel-checks]
secure-boot = "warn"
fips = "ignore"
out-of-tree-modules = "block"
[limits]
scriptlets = "90s"
dracut = "1h"
lock-wait = "1s"
[latency]
max-duration = "12h"
results-folder = "/var/a"
keep = 3
[metrics]
socket = "/run/a"
textfile-folder = "/var/b"
)";
    const auto settings = settings_of(text), again = settings_of(to_toml(settings));
    EXPECT_EQ(to_toml(again), to_toml(settings));
    EXPECT_EQ(again.profile, "worker-rt");
    EXPECT_TRUE(again.repair_drift);
    EXPECT_EQ(again.kernel_version, "newest");
    EXPECT_TRUE(again.update_reapply);
    EXPECT_EQ(again.kernel_checks, (KernelChecks{Strictness::warn, Strictness::ignore, Strictness::block}));
    EXPECT_EQ(again.scriptlet_limit_s, 90U);
    EXPECT_EQ(again.dracut_limit_s, 3600U);
    EXPECT_EQ(again.lock_wait_s, 1U);
    EXPECT_EQ(again.latency_max_duration, std::chrono::hours(12));
    EXPECT_EQ(again.latency_results_folder, "/var/a");
    EXPECT_EQ(again.latency_keep, 3U);
    EXPECT_EQ(again.metrics_socket, "/run/a");
    EXPECT_EQ(again.metrics_textfile_folder, "/var/b");
}

TEST_F(ToTomlTest, SettingsHaveNothingOfRepositories) {
    const auto settings = settings_of("[profile]\nname = \"a\"\n[repository.b]\nbase-urls = [\"https://c/d\"]\n"
                                      "username = \"me\"\npassword = \"hunter2\"\n");
    ASSERT_EQ(settings.repositories.size(), 1U);
    EXPECT_EQ(to_toml(settings), "[profile]\nname = \"a\"\n");
}
