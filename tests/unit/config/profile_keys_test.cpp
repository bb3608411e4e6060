#include "profile_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

using namespace rtnode;
using namespace rtnode::config;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

namespace {

class ProfileKeysTest : public ProfileFixture {};

} // namespace

TEST_F(ProfileKeysTest, EveryDocumentedKeyIsKnown) {
    const auto profile = profile_of(documented_profile());
    Profile expected;
    expected.name = "node";
    expected.description = "Radio units";
    expected.files = {(temp.path / "usr/node.toml").string()};
    expected.kernel = "rt";
    expected.kernel_version = "match-base";
    expected.replace = {"microcode_ctl"};
    expected.remove = {"cockpit-ws"};
    expected.install = {"tuna"};
    expected.reserved = {0, 1};
    expected.isolated = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    expected.append = {"tsc=reliable"};
    expected.isolate = true;
    expected.default_huge_page_kib = 1'048'576;
    expected.huge_pages = {{.size_kib = 1'048'576, .count = 32, .numa_node = std::nullopt},
                           {.size_kib = 2048, .count = 512, .numa_node = 0}};
    expected.housekeeping_workqueues = expected.housekeeping_interrupts = true;
    expected.ignore_corrected_errors = expected.timer_migration = true;
    expected.sysctls = {{"kernel.hung_task_timeout_secs", "600"}, {"net.ipv4.tcp_rmem", "4096 87380 6291456"}};
    expected.require_real_time = true;
    expected.clocksource = "tsc";
    expected.microcode = "0x2b000603";
    expected.acceptance.cpus = "isolated";
    expected.acceptance.duration = 10min;
    expected.acceptance.max_us = 100;
    expected.acceptance.p99_99_us = 20;
    expected.acceptance.baseline = true;
    expected.reboot = Profile::Reboot::window;
    expected.window_start = "22:00";
    expected.window_length = 6h;
    expected.window_days = {"sat", "sun"};
    expected.go_file = "/run/rtnode/go";
    expected.go_unit = "drained.target";
    EXPECT_EQ(profile, expected);
}

TEST_F(ProfileKeysTest, EveryKnownKeyIsDocumented) {
    const auto documentation = documented_profile();
    for (const auto* section : {"", "[packages]\n", "[cpus]\n", "[kernel-arguments]\n", "[huge-pages]\n",
                                "[run-time]\n", "[verify]\n", "[acceptance]\n", "[reboot]\n"}) {
        const auto message = refusal_of(std::string(section) + "no-such-key-at-all = 1\n");
        const auto known = message.find("known keys: ");
        ASSERT_NE(known, std::string::npos) << section << message;
        std::istringstream keys(message.substr(known + 12));
        for (std::string key; keys >> key;) {
            if (key.ends_with(',')) key.pop_back();
            EXPECT_THAT(documentation, AnyOf(HasSubstr("\n" + key + " = "), HasSubstr("[" + key + "]"),
                                             HasSubstr("[run-time." + key + "]"), StartsWith(key)));
        }
    }
}

TEST_F(ProfileKeysTest, ValuesMayBeWrittenInTheWaysThatTomlHas) {
    const auto profile = profile_of("[huge-pages]\n[[huge-pages.pages]]\nsize = '2M'\ncount = 1_024\n"
                                    "[run-time.sysctls]\nkernel.hung_task_timeout_secs = 600\n'vm.swappiness' = '10'\n"
                                    "[acceptance]\nduration = '1h30m'\ninterval = '200us'\nbaseline = true\n"
                                    "tolerance = 0\n");
    EXPECT_THAT(profile.huge_pages, ElementsAre(Profile::HugePages{2048, 1024, std::nullopt}));
    EXPECT_THAT(profile.sysctls,
                ElementsAre(Pair("kernel.hung_task_timeout_secs", "600"), Pair("vm.swappiness", "10")));
    EXPECT_EQ(profile.acceptance.duration, 90min);
    EXPECT_EQ(profile.acceptance.interval, 200us);
    EXPECT_EQ(profile.acceptance.tolerance, 0);
}

TEST_F(ProfileKeysTest, AWindowMayCrossMidnightAndLastADay) {
    const auto length = [&](const std::string& window) {
        return profile_of("[reboot]\nwhen = 'window'\nwindow = '" + window + "'\n").window_length;
    };
    EXPECT_EQ(length("02:00-04:00"), 2h);
    EXPECT_EQ(length("22:30-04:00"), 5h + 30min);
    EXPECT_EQ(length("22:00-00:00"), 2h);
    EXPECT_EQ(length("22:00-24:00"), 2h);
    EXPECT_EQ(length("00:00-24:00"), 24h);
    EXPECT_EQ(profile_of("[reboot]\nwhen = 'window'\nwindow = '22:30-04:00'\n").window_start, "22:30");
}

TEST_F(ProfileKeysTest, AnUnknownKeyIsShownWithItsLineTheKnownOnesAndTheOneThatWasMeant) {
    EXPECT_THAT(refusal_of("[cpus]\nreserved = '0'\nisolate = '1'\n"),
                AllOf(shows("node.toml", 3), HasSubstr("unknown key `isolate` in [cpus]"),
                      HasSubstr("known keys: reserved, isolated, reserve-cores; did you mean `isolated`?")));
    EXPECT_THAT(refusal_of("\n[hugepages]\n"), AllOf(shows("node.toml", 2), HasSubstr("did you mean `huge-pages`?")));
    EXPECT_THAT(refusal_of("[acceptance]\nduration = '1m'\np99.99-us = 5\n"),
                AllOf(shows("node.toml", 3), HasSubstr("did you mean `p99-99-us`?")));
    EXPECT_THAT(refusal_of("[huge-pages]\npages = [{ size = '1G', count = 1, node = 0 }]\n"),
                AllOf(shows("node.toml", 2), HasSubstr("unknown key `node`"), HasSubstr("size, count, numa-node")));
    EXPECT_THAT(refusal_of("[verify]\nxyz = 1\n"), Not(HasSubstr("did you mean")));
}

TEST_F(ProfileKeysTest, AValueThatCannotBeIsShownWithItsLine) {
    for (const auto* text : {"description = \"two\\nlines\"",
                             "packages = 1",
                             "[packages]\nkernel = 'fast'",
                             "[packages]\nkernel-version = 'latest'",
                             "[packages]\nreplace = 'microcode_ctl'",
                             "[packages]\nreplace = ['']",
                             "[packages]\ninstall = ['fd:0']",
                             "[packages]\ninstall = ['some/where.rpm']",
                             "[packages]\nremove = ['/a.rpm']",
                             "[packages]\nremove = [1]",
                             "[cpus]\nreserved = [0]",
                             "[cpus]\nisolated = '3-1'",
                             "[cpus]\nisolated = 'all'",
                             "[cpus]\nreserve-cores = -1",
                             "[cpus]\nreserve-cores = 'one'",
                             "[kernel-arguments]\nappend = 'a=1'",
                             "[kernel-arguments]\nappend = ['a=1 b=2']",
                             "[kernel-arguments]\nappend = ['']",
                             "[kernel-arguments]\nappend = ['a=\"b\"']",
                             "[kernel-arguments]\nappend = ['root=/dev/sda1']",
                             "[kernel-arguments]\nisolate = 'yes'",
                             "[huge-pages]\ndefault-size = '4K'",
                             "[huge-pages]\npages = [{ size = '1G' }]",
                             "[huge-pages]\npages = [{ count = 1 }]",
                             "[huge-pages]\npages = ['1G']",
                             "[huge-pages]\npages = [{ size = '1G', count = -1 }]",
                             "[huge-pages]\npages = [{ size = '', count = 1 }]",
                             "[huge-pages]\npages = [{ size = '1G', count = 1, numa-node = -1 }]",
                             "[huge-pages]\npages = [{ size = '1G', count = 1 }, { size = '1G', count = 2 }]",
                             "[run-time]\ntimer-migration = 1",
                             "[run-time]\nsysctls = []",
                             "[run-time.sysctls]\n'kernel/x' = 1",
                             "[run-time.sysctls]\n'kernel..x' = 1",
                             "[run-time.sysctls]\n'../x.y' = 1",
                             "[run-time.sysctls]\nkernel = 1",
                             "[run-time.sysctls]\n'kernel.x' = true",
                             "[run-time.sysctls]\n'kernel.x' = \"1\\n2\"",
                             "[run-time.sysctls]\n'kernel.x' = 18446744073709551615",
                             "[verify]\nclocksource = 'a b'",
                             "[verify]\nmicrocode = '2b'",
                             "[verify]\nmicrocode = '0x'",
                             "[verify]\nmax-isolated-interrupts = -1",
                             "[acceptance]\nduration = 600",
                             "[acceptance]\nduration = 'ten minutes'",
                             "[acceptance]\ninterval = '10us'",
                             "[acceptance]\ninterval = '1m'",
                             "[acceptance]\ninterval = '1.5ms'",
                             "[acceptance]\ncpus = 'some'",
                             "[acceptance]\nmax-us = -1",
                             "[acceptance]\ntolerance = 1.1",
                             "[acceptance]\ntolerance = nan",
                             "[acceptance]\non-failure = 'reboot'",
                             "[reboot]\nwhen = 'later'",
                             "[reboot]\nwindow = '2:00-4:00'",
                             "[reboot]\nwindow = '02:00'",
                             "[reboot]\nwindow = '02:00-02:00'",
                             "[reboot]\nwindow = '24:00-02:00'",
                             "[reboot]\nwindow = '02:00-24:01'",
                             "[reboot]\nwindow = '02:60-03:00'",
                             "[reboot]\ndays = ['sonntag']",
                             "[reboot]\ngo-file = 'go'",
                             "[reboot]\ngo-file = '/a/../b'",
                             "[reboot]\ngo-unit = 'drained'",
                             "[reboot]\ngo-unit = 'a b.service'"}) {
        const std::string lines(text);
        EXPECT_THAT(refusal_of(lines + "\n"), AllOf(shows("node.toml", lines.find('\n') == std::string::npos ? 1 : 2),
                                                    Not(HasSubstr("does nothing"))))
            << text;
    }
}

TEST_F(ProfileKeysTest, AWrongValueSaysWhatIsRightAndWhereThatIsExplained) {
    EXPECT_THAT(refusal_of("[reboot]\nwindow = 'at night'\n"),
                AllOf(HasSubstr("`window` in [reboot] must be two times of the day such as \"22:00-04:00\""),
                      HasSubstr("see rtnode.profile(5)")));
    EXPECT_THAT(refusal_of("[kernel-arguments]\nappend = [\n'quiet',\n'ostree=/x']\n"),
                AllOf(shows("node.toml", 4), HasSubstr("'ostree=/x' is protected")));
    EXPECT_THAT(refusal_of("description = 1\n"), HasSubstr("`description` must be a string"));
    EXPECT_THAT(refusal_of("[cpus]\nreserved = \n"), shows("node.toml", 2)) << "no TOML at all";
}

TEST_F(ProfileKeysTest, WhatContradictsItselfOnAnyNodeIsShownWithItsLine) {
    struct Contradiction {
        const char* text;
        unsigned line;
        const char* words;
    };
    for (const auto& [text, line, words] : std::vector<Contradiction>{
             {"[cpus]\nreserved = '0-2'\nisolated = '2-7'\n", 3, "both reserved and isolated: 2"},
             {"[cpus]\nreserved = '0'\nreserve-cores = 1\n", 3, "either listed or chosen"},
             {"[cpus]\nisolated = '1'\nreserve-cores = 1\n", 3, "either listed or chosen"},
             {"[kernel-arguments]\nisolate = true\n", 2, "`isolate` in [kernel-arguments] is about isolated CPUs"},
             {"[run-time]\nhousekeeping-workqueues = true\n", 2, "the profile has none"},
             {"[run-time]\nhousekeeping-interrupts = true\n", 2, "the profile has none"},
             {"[acceptance]\nduration = '1m'\ncpus = 'isolated'\n", 3, "the profile has none"},
             {"[kernel-arguments]\nhigh-power = true\n", 2, "does nothing without `isolate`"},
             {"[acceptance]\nmax-us = 5\n", 2, "does nothing without `duration` in [acceptance]"},
             {"[acceptance]\nduration = '1m'\ntolerance = 0.5\n", 3, "does nothing without `baseline`"},
             {"[acceptance]\nforce-on-managed = true\n", 2, "does nothing without `on-failure`"},
             {"[packages]\nkernel-version = 'newest'\n", 2, "does nothing without `kernel`"},
             {"[packages]\nremove = ['a']\ninstall = ['b', 'a']\n", 3, "the package 'a' can't be removed and be there"},
             {"[packages]\nkernel = 'stock'\n[verify]\nrequire-real-time = true\n", 4, "no real-time kernel"},
             {"[kernel-arguments]\nappend = ['hugepages=3']\n[huge-pages]\ndefault-size = '1G'\n", 2, "hugepages=3"},
             {"[run-time]\ntimer-migration = true\nsysctls = { 'kernel.timer_migration' = 0 }\n", 3, "set twice"},
             {"[acceptance]\non-failure = 'rollback'\n", 2, "nothing can fail"},
             {"[acceptance]\nduration = '1m'\non-failure = 'rollback'\n", 3, "nothing can fail"},
             {"[reboot]\nwhen = 'window'\n", 2, "needs a `window`"},
             {"[reboot]\nwhen = 'external'\n", 2, "needs a `go-file` or a `go-unit`"},
             {"[reboot]\nwindow = '02:00-04:00'\n", 2, "does nothing without `when`"},
         })
        EXPECT_THAT(refusal_of(text),
                    AllOf(shows("node.toml", line), HasSubstr(words), HasSubstr("see rtnode.profile(5)")))
            << text;
}

TEST_F(ProfileKeysTest, AContradictionBetweenTwoFilesShowsBoth) {
    write("usr/node.toml", "[cpus]\nreserve-cores = 1\n");
    write("etc/node.toml.d/50-site.toml", "\n\n[cpus]\nisolated = '2-15'\n");
    EXPECT_THAT(refusal(), AllOf(shows("usr/node.toml", 2), shows("50-site.toml", 4), HasSubstr("reserve-cores = 0")));
}

TEST_F(ProfileKeysTest, RollbackMayRestOnAMeasurementOrOnADemand) {
    EXPECT_TRUE(profile_of("[acceptance]\nduration = '1m'\nmax-us = 50\non-failure = 'rollback'\n").rollback);
    EXPECT_TRUE(profile_of("[verify]\nrequire-real-time = true\n[acceptance]\non-failure = 'rollback'\n").rollback);
}
