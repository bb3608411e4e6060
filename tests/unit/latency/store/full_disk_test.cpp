// What a disk without room costs: the result that found none, and nothing else.
#include "../support.hpp"
#include "latency/report/report.hpp"
#include "latency/store/store.hpp"
#include "state/error.hpp"
#include "state/machine_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>

namespace rtnode::latency {
namespace {

namespace fs = std::filesystem;
using rtnode::names_in;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreOnAFullDiskTest : public ::testing::Test {
  protected:
    StoreOnAFullDiskTest() {
        auto path = (fs::canonical(::testing::TempDir()) / "rtnode-full-XXXXXX").string();
        folder = ::mkdtemp(path.data());
        results = folder / "latency";
        fs::create_directory(results);
    }
    ~StoreOnAFullDiskTest() override { fs::remove_all(folder); }

    static std::string content(const fs::path& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    /// Runs it in a child, where `results` is a file system of so many bytes of its own; where none may be mounted, no
    /// file may be larger than that, which fails the same write for another reason.
    /// @param work gets the reason to expect, and returns what went wrong, or ""
    void with_room_for(std::size_t bytes, const std::function<std::string(Reason)>& work) {
        const pid_t child = ::fork();
        if (child == 0) {
            const auto size = "mode=0755,size=" + std::to_string(bytes);
            const bool own = ::unshare(CLONE_NEWNS) == 0 &&
                             ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                             ::mount("tmpfs", results.c_str(), "tmpfs", 0, size.c_str()) == 0;
            if (!own) {
                const rlimit limit{bytes, bytes};
                ::setrlimit(RLIMIT_FSIZE, &limit);
                ::signal(SIGXFSZ, SIG_IGN);
            }
            std::string wrong;
            try {
                wrong = work(own ? Reason::NoSpace : Reason::Internal);
            } catch (const std::exception& e) {
                wrong = e.what();
            }
            std::cerr << "[ disk     ] " << (own ? "full" : "limit on file sizes") << (wrong.empty() ? "" : ": ")
                      << wrong << std::endl;
            ::_exit(wrong.empty() ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 0) << "what was wrong is said above";
    }

    /// One that takes some kilobytes, and one that takes more than a hundred: each latency stands in it by itself.
    static Result small_result() { return result_of({{20'000, 30'000}}, 30); }
    static Result large_result() {
        std::vector<std::int64_t> samples;
        for (std::int64_t us = 0; us < 5000; ++us)
            samples.push_back(us * 1000);
        return result_of({samples}, 5000);
    }

    fs::path folder, results;
};

TEST_F(StoreOnAFullDiskTest, KeepsEarlierResultsWholeAndTakesTheNextThatFits) {
    with_room_for(std::size_t{48} << 10, [this](Reason expected) -> std::string {
        const auto small = small_result();
        const Store store(results, results);
        store.save(1, small);
        const auto text = content(results / "cyclictest_10m.out");
        try {
            store.save(2, large_result());
            return "the large result found room";
        } catch (const Error& e) {
            if (e.reason() != expected) return std::string("another reason than was expected: ") + e.what();
        }
        if (names_in(results) != std::vector<std::string>{"1.json", "cyclictest_10m.out", "texts.json"})
            return "more is left than the first run's files";
        if (report_json(store.load(1)) != report_json(small)) return "the first run's result has changed";
        if (content(results / "cyclictest_10m.out") != text) return "the first run's text has changed";
        store.save(2, small);
        return report_json(store.load(2)) == report_json(small) ? "" : "the next result isn't what was saved";
    });
}

TEST_F(StoreOnAFullDiskTest, KeepsTheResultWhenOnlyTheTextCanNotBeWritten) {
    const auto texts = folder / "cyclictest";
    const Store store(results, texts);
    // For whatever reason: this one needs no disk of its own.
    ASSERT_EQ(::chmod(texts.c_str(), 0777), 0);
    const auto saved = store.save(1, small_result());
    EXPECT_THAT(saved.text_error, HasSubstr("others can write to it"));
    EXPECT_THAT(saved.paths, ElementsAre(results / "1.json"));
    EXPECT_EQ(report_json(store.load(1)), report_json(small_result()));
    EXPECT_THAT(names_in(results), ElementsAre("1.json"));
    EXPECT_THAT(names_in(texts), IsEmpty());
}

} // namespace
} // namespace rtnode::latency
