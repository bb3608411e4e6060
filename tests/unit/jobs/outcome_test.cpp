#include "jobs/outcome.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

using namespace rtnode::jobs;

namespace {

/// Jobs that ended well, in their order.
struct WantedKernel : testing::Test {
    std::map<std::uint32_t, Job> jobs;

    void made(const std::string& checksum, const std::string& from, const std::string& kernel = "") {
        nlohmann::json result{{"checksum", checksum}, {"kernel-arguments", nlohmann::json::array()}};
        if (!from.empty()) result["from"] = from;
        const auto id = static_cast<std::uint32_t>(jobs.size() + 1);
        jobs[id].id = id;
        jobs[id].state = State::done;
        jobs[id].request = nlohmann::json{{"kernel", kernel}}.dump();
        jobs[id].result = result.dump();
    }
    bool wanted() const { return wanted_kernel(jobs, "next", "booted"); }
};

} // namespace

TEST_F(WantedKernel, OfADeploymentThatNoJobMadeIsNot) {
    EXPECT_FALSE(wanted());
    made("other", "booted");
    EXPECT_FALSE(wanted());
}

TEST_F(WantedKernel, IsThatOfAJobThatBeganAtTheBootedDeploymentOrAskedForAKernel) {
    made("next", "booted");
    EXPECT_TRUE(wanted());
    jobs.clear();
    made("next", "foreign", "stock");
    EXPECT_TRUE(wanted());
    jobs.clear();
    made("next", "");
    EXPECT_TRUE(wanted()) << "a rollback";
    jobs[1].state = State::failed;
    EXPECT_FALSE(wanted());
}

TEST_F(WantedKernel, IsNotOfWhatWasPutOnSomebodyElsesDeployment) {
    made("next", "foreign");
    EXPECT_FALSE(wanted());
    made("next", "next");
    EXPECT_FALSE(wanted()) << "kernel arguments alone keep the commit";
}

TEST_F(WantedKernel, StaysWantedWhenMoreIsPutOnIt) {
    made("stock", "foreign", "stock");
    made("next", "stock");
    made("next", "next");
    EXPECT_TRUE(wanted());
}
