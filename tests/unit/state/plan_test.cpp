#include "state/plan.hpp"

#include <gtest/gtest.h>

using namespace rtnode;

namespace {

Plan some_plan() {
    Plan plan;
    plan.stateroot = "rhcos";
    plan.base_checksum = std::string(64, 'a');
    plan.kernel_arguments_after = KernelArguments::parse("a b");
    plan.packages.push_back({.kind = PackageChange::Kind::remove, .before = Nevra{"kernel", 0, "1", "1", "x86_64"}});
    return plan;
}

} // namespace

TEST(Plan, EqualEffectHasEqualHash) {
    auto other = some_plan();
    other.warnings = {"something"};
    other.download_bytes = 12;
    EXPECT_EQ(some_plan().hash(), other.hash()) << "what the cache holds does not change what the plan does";
}

TEST(Plan, AnotherEffectHasAnotherHash) {
    auto other = some_plan();
    other.kernel_arguments_after = KernelArguments::parse("b a");
    EXPECT_NE(some_plan().hash(), other.hash()) << "the order of kernel arguments is part of the effect";
    other = some_plan();
    other.packages.clear();
    EXPECT_NE(some_plan().hash(), other.hash());
}

TEST(Plan, PrintsItsHashWithItself) {
    EXPECT_EQ(nlohmann::json(some_plan()).at("plan"), some_plan().hash());
}
