#include "../support.hpp"
#include "latency/report/report.hpp"
#include "latency/store/results_folder.hpp"
#include "latency/store/store.hpp"
#include "state/error.hpp"
#include "state/machine_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace rtnode::latency {
namespace {

namespace fs = std::filesystem;
using rtnode::names_in;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreTest : public ::testing::Test {
  protected:
    StoreTest() {
        auto path = (fs::canonical(::testing::TempDir()) / "rtnode-store-XXXXXX").string();
        folder = ::mkdtemp(path.data());
        results = folder / "latency";
    }
    ~StoreTest() override { fs::remove_all(folder); }

    void expect_unsafe(const std::string& path, const std::string& why) {
        try {
            const Store store(path);
            ADD_FAILURE() << path << " was taken; expected: " << why;
        } catch (const Error& e) {
            EXPECT_EQ(e.reason(), Reason::UnsafeFolder);
            EXPECT_THAT(e.what(), HasSubstr(why));
        }
    }

    fs::path folder, results;
    Result result = result_of({{20'000, 30'000}}, 30);
};

TEST_F(StoreTest, KeepsARunAsJsonAndAsTheHowTosText) {
    const auto texts = folder / "cyclictest";
    const Store store(results, texts);
    EXPECT_THAT(store.save(1, result).paths, ElementsAre(results / "1.json", texts / "cyclictest_10m.out"));
    EXPECT_THAT(names_in(results), ElementsAre("1.json", "texts.json"));
    EXPECT_THAT(names_in(texts), ElementsAre("cyclictest_10m.out"));
    std::ifstream file(texts / "cyclictest_10m.out");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), report_cyclictest_2_4(result));
    EXPECT_EQ(report_json(store.load(1)), report_json(result));
    struct stat status {};
    ASSERT_EQ(::stat((texts / "cyclictest_10m.out").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0022, 0u);
}

TEST_F(StoreTest, NamesTheTextByTheDurationThatWasAskedFor) {
    using namespace std::chrono_literals;
    Options options;
    for (const auto& [duration, name] : {std::pair<std::chrono::nanoseconds, const char*>{10min, "cyclictest_10m.out"},
                                         {1h, "cyclictest_1h.out"},
                                         {600s, "cyclictest_10m.out"},
                                         {10s, "cyclictest_10s.out"},
                                         {90min, "cyclictest_1h30m.out"}}) {
        options.duration = duration;
        EXPECT_EQ(Store::text_name(options), name);
    }
}

TEST_F(StoreTest, WritesALaterRunOverAnEarlierText) {
    const Store store(results, results);
    store.save(1, result);
    store.save(2, result_of({{99'000}}, 100));
    EXPECT_THAT(names_in(results), ElementsAre("1.json", "2.json", "cyclictest_10m.out", "texts.json"));
    std::ifstream file(results / "cyclictest_10m.out");
    EXPECT_THAT(std::string(std::istreambuf_iterator<char>(file), {}), HasSubstr("# Max Latencies: 00099\n"));
}

TEST_F(StoreTest, ListsByNumberAndPrunesTheOldest) {
    const Store store(results);
    for (const std::uint64_t number : {2, 10, 9, 1})
        store.save(number, result);
    std::ofstream(results / "notes.json") << "not ours";
    std::ofstream(results / "007.json") << "nor this";
    const auto numbers = [&] {
        std::vector<std::uint64_t> all;
        for (const auto& run : store.list())
            all.push_back(run.number);
        return all;
    };
    EXPECT_THAT(numbers(), ElementsAre(1, 2, 9, 10));
    store.prune({.requested = 2});
    EXPECT_THAT(numbers(), ElementsAre(9, 10));
    store.prune({.requested = 2});
    store.prune({.requested = 5});
    EXPECT_THAT(numbers(), ElementsAre(9, 10));
    store.prune({.requested = 0});
    EXPECT_THAT(names_in(results), ElementsAre("007.json", "notes.json")) << "what isn't ours stays";
}

TEST_F(StoreTest, KeepsWhatIsNamedBesideTheNewestOfEachPurpose) {
    const Store store(results, results);
    for (const std::uint64_t number : {1, 2, 5, 6})
        store.save(number, result);
    for (const std::uint64_t number : {3, 4, 7})
        store.save(number, result, Purpose::watch);
    store.prune({.requested = 1, .watched = 2, .always = {1}});
    EXPECT_THAT(names_in(results),
                ElementsAre("1.json", "4.watch.json", "6.json", "7.watch.json", "cyclictest_10m.out", "texts.json"));
    store.prune({.requested = 0, .watched = 0, .always = {4}});
    EXPECT_THAT(names_in(results), ElementsAre("4.watch.json", "texts.json"));
}

TEST_F(StoreTest, ATextIsOfTheRunThatWroteItLastAndGoesWithIt) {
    const auto texts = folder / "cyclictest";
    const auto text = (texts / "cyclictest_10m.out").string();
    const Store store(results, texts);
    EXPECT_EQ(store.save(1, result).text_taken_from, 0u);
    EXPECT_THAT(store.files(1), ElementsAre(results / "1.json", text));
    EXPECT_EQ(store.save(2, result).text_taken_from, 1u);
    const Store later(results, texts);
    EXPECT_THAT(later.files(1), ElementsAre(results / "1.json"));
    EXPECT_THAT(later.files(2), ElementsAre(results / "2.json", text));
    later.prune({.requested = 1});
    EXPECT_THAT(later.files(2), ElementsAre(results / "2.json", text)) << "the first one's was not that";
    ASSERT_EQ(::chmod(texts.c_str(), 0777), 0);
    Store(results).prune({.requested = 0});
    EXPECT_THAT(names_in(results), ElementsAre("texts.json")) << "whatever the folder for texts is like";
    ASSERT_EQ(::chmod(texts.c_str(), 0755), 0);
    Store(results).prune({.requested = 0});
    EXPECT_THAT(names_in(texts), IsEmpty());
    EXPECT_THAT(later.files(2), IsEmpty());
}

TEST_F(StoreTest, ATextThatSomebodyElseWroteIsNotOurs) {
    const auto texts = folder / "cyclictest";
    const Store store(results, texts);
    store.save(1, result);
    std::ofstream(texts / "cyclictest_10m.out") << "by the how-to's own script";
    fs::last_write_time(texts / "cyclictest_10m.out", fs::file_time_type::clock::now() + std::chrono::seconds(1));
    EXPECT_THAT(store.files(1), ElementsAre(results / "1.json"));
    store.prune({.requested = 0});
    EXPECT_THAT(names_in(texts), ElementsAre("cyclictest_10m.out"));
}

TEST_F(StoreTest, KeepsTheWatchsRunsApartFromWhatWasAskedFor) {
    const Store store(results, results);
    EXPECT_THAT(store.save(1, result, Purpose::watch).paths, ElementsAre(results / "1.watch.json"))
        << "no text of the how-to";
    EXPECT_EQ(store.list().at(0).purpose, Purpose::watch);
    EXPECT_EQ(report_json(store.load(1)), report_json(result));
    EXPECT_EQ(store.take_number(), 2u);
}

TEST_F(StoreTest, GivesEachNumberOnce) {
    const Store store(results);
    EXPECT_EQ(store.take_number(), 1u);
    EXPECT_EQ(store.take_number(), 2u) << "also when nothing of the first was stored";
    EXPECT_EQ(Store(results).take_number(), 3u) << "nor does a daemon that comes later give one again";
    store.save(3, result);
    fs::remove(results / "3.json");
    EXPECT_EQ(store.take_number(), 4u);
    store.save(9, result, Purpose::watch);
    EXPECT_EQ(store.take_number(), 10u) << "those of a daemon that didn't count count";
    std::ofstream(results / "next") << "damaged";
    EXPECT_EQ(store.take_number(), 10u);
    EXPECT_EQ(store.take_number(20), 20u);
    EXPECT_THAT(names_in(results), ElementsAre("9.watch.json", "next"));
}

TEST_F(StoreTest, ClearsAwayWhatACrashLeft) {
    const Store store(results);
    std::ofstream(results / ".rtnode-1-5.json") << "half";
    EXPECT_THAT(store.list(), IsEmpty());
    store.prune({});
    EXPECT_THAT(names_in(results), IsEmpty());
}

TEST_F(StoreTest, AFileThatIsNotWholeHasNotTheEndingOfOneThatIs) {
    const Store store(results);
    std::ofstream(results / ".rtnode-1-others.prom") << "others'";
    std::ofstream(results / ".rtnode-1-rtnode.prom") << "left by a daemon of before";
    NewFile::remove_unfinished(results, "rtnode.prom");
    EXPECT_THAT(names_in(results), ElementsAre(".rtnode-1-others.prom"));
    NewFile file(results, "rtnode.prom", "text");
    EXPECT_THAT(names_in(results), ElementsAre(".rtnode-1-others.prom", EndsWith(".tmp")));
    file.publish();
    EXPECT_THAT(names_in(results), ElementsAre(".rtnode-1-others.prom", "rtnode.prom"));
}

TEST_F(StoreTest, SaysThatARunIsNotThereOrDamaged) {
    const Store store(results);
    store.save(1, result);
    const auto expect_none = [&](std::uint64_t number, const std::string& why) {
        try {
            store.load(number);
            ADD_FAILURE() << "loaded " << number;
        } catch (const Error& e) {
            EXPECT_EQ(e.reason(), Reason::NoSuchMeasurement);
            EXPECT_THAT(e.what(), HasSubstr(why));
        }
    };
    expect_none(7, "there is no result of measurement 7");
    fs::resize_file(results / "1.json", 100);
    expect_none(1, "1.json is damaged");
    ASSERT_EQ(::mkfifo((results / "2.json").c_str(), 0600), 0);
    expect_none(2, "no regular file");
    fs::create_symlink("1.json", results / "3.json");
    expect_none(3, "there is no result of measurement 3");
}

TEST_F(StoreTest, RefusesAFolderThatOthersCouldTurnAgainstIt) {
    fs::create_directory(results);
    fs::create_directory_symlink(results, folder / "link");
    expect_unsafe(folder / "link", "'link' in it is a symbolic link");
    expect_unsafe(folder / "link" / "below", "'link' in it is a symbolic link");
    expect_unsafe(results / ".." / "latency", "has '..' in it");
    expect_unsafe("latency", "not absolute");
    expect_unsafe("", "not absolute");
    std::ofstream(folder / "file") << "";
    expect_unsafe(folder / "file", "no folder");
    ASSERT_EQ(::chmod(results.c_str(), 0775), 0);
    expect_unsafe(results, "others can write to it (mode 0775)");
    ASSERT_EQ(::chmod(results.c_str(), 01777), 0);
    expect_unsafe(results, "others can write to it (mode 1777)");
    EXPECT_THAT(names_in(results), IsEmpty());
}

TEST_F(StoreTest, RefusesAFolderOfSomebodyElse) {
    if (::geteuid() == 0) {
        fs::create_directory(results);
        ASSERT_EQ(::chown(results.c_str(), 65534, 65534), 0);
        expect_unsafe(results, "it belongs to uid 65534");
    } else {
        expect_unsafe("/etc", "it belongs to uid 0");
    }
}

TEST_F(StoreTest, LooksAgainAtEachUse) {
    const Store store(results);
    ASSERT_EQ(::chmod(results.c_str(), 0777), 0);
    EXPECT_THROW(store.save(1, result), Error);
    ASSERT_EQ(::chmod(results.c_str(), 0755), 0);
    EXPECT_THAT(names_in(results), IsEmpty());
}

TEST_F(StoreTest, ReplacesALinkInsteadOfWritingThroughIt) {
    const Store store(results);
    std::ofstream(folder / "victim") << "precious";
    fs::create_symlink(folder / "victim", results / "1.json");
    store.save(1, result);
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(results / "1.json")));
    std::ifstream file(folder / "victim");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "precious");
}

TEST_F(StoreTest, LeavesNothingBehindWhenTheDiskIsFull) {
    fs::create_directory(results);
    // A child with a mount namespace and a tiny file system of its own; where that is forbidden, with a limit on file
    // sizes, which fails the same write for another reason.
    const pid_t child = ::fork();
    if (child == 0) {
        const bool own = ::unshare(CLONE_NEWNS) == 0 &&
                         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount("tmpfs", results.c_str(), "tmpfs", 0, "size=4k,mode=0755") == 0;
        if (!own) {
            const rlimit limit{1000, 1000};
            ::setrlimit(RLIMIT_FSIZE, &limit);
            ::signal(SIGXFSZ, SIG_IGN);
        }
        std::cout << (own ? "[ disk     ] full\n" : "[ disk     ] limit on file sizes\n") << std::flush;
        try {
            std::vector<std::int64_t> samples;
            for (std::int64_t us = 0; us < 5000; ++us)
                samples.push_back(us * 1000);
            Store(results).save(1, result_of({samples}, 5000));
            ::_exit(10);
        } catch (const Error& e) {
            const auto expected = own ? Reason::NoSpace : Reason::Internal;
            ::_exit(e.reason() != expected ? 11 : !names_in(results).empty() ? 12 : 0);
        }
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "10: saved all the same, 11: another reason, 12: files are left";
}

} // namespace
} // namespace rtnode::latency
