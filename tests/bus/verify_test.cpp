// Verify: what the daemon knows itself, and what its worker finds in the tree.

#include "fixture.hpp"

#include <fstream>

namespace rtnode::test {
namespace {

using testing::HasSubstr;

struct VerifyTest : BusTest {
    void SetUp() override { start_daemon(); }

    /// "state: remedy" by the name of the check.
    std::map<std::string, std::string> verified() {
        std::map<std::string, std::string> rows;
        for (const auto& row : manager->Verify({}))
            rows[row.at("check").get<std::string>()] =
                row.at("state").get<std::string>() + ": " + row.at("remedy").get<std::string>();
        return rows;
    }
};

} // namespace

TEST_F(VerifyTest, PutsTheRowsOfDaemonAndWorkerTogether) {
    std::ofstream(temp.path / "state/verify.json")
        << R"({"checks":[{"check":"microcode","state":"failed","expected":"a","actual":"b","remedy":"make it anew"}]})";
    const auto rows = verified();
    EXPECT_EQ(rows.at("microcode"), "failed: make it anew");
    EXPECT_THAT(rows.at("booted-deployment"), HasSubstr("not-applicable: nothing is booted"));
    EXPECT_FALSE(rows.contains("tree"));
}

TEST_F(VerifyTest, AWorkerThatDiesMakesTheTreeUnknown) {
    const auto rows = verified();
    EXPECT_THAT(rows.at("tree"), HasSubstr("unknown: "));
    EXPECT_THAT(rows.at("tree"), HasSubstr("status 3"));
    EXPECT_TRUE(rows.contains("kernel"));
    EXPECT_EQ(verified().at("tree"), rows.at("tree")) << "the next question gets an answer, too";
}

TEST_F(VerifyTest, AnswersWhileAJobRuns) {
    Job job(*connection, manager->start({"hang"}));
    ASSERT_TRUE(job.reaches("Step", "Resolving dependencies"));
    EXPECT_FALSE(verified().empty());
    EXPECT_EQ(job.State(), "running");
}

TEST_F(VerifyTest, RefusesOptionsThatItDoesNotKnow) {
    const auto refused = error_of([&] { manager->Verify({{"deep", sdbus::Variant(true)}}); });
    EXPECT_EQ(refused.getName(), "org.rtnode1.Error.UnknownOption");
}

} // namespace rtnode::test
