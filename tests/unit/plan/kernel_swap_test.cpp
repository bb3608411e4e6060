// kernel=rt derives the sets; literal lists are checked to be whole.

#include "solve_fixture.hpp"

namespace rtnode::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct KernelSwap : Solving {
    void SetUp() override {
        Solving::SetUp();
        version("newest");
    }
    void version(const std::string& text) { input.wishes.kernel_version = KernelVersion::parse(text); }
    /// The node has that build already, from files.
    void carry() {
        input.wishes.carried_remove = {"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"};
        input.wishes.carried_install = {file("kernel-rt-core-5.14.0-2.rt1.el9.x86_64"),
                                        file("kernel-rt-modules-5.14.0-2.rt1.el9.x86_64")};
    }
    static std::vector<std::string> to(const std::string& evr) {
        return {"remove kernel-5.14.0-1.el9.x86_64",
                "remove kernel-core-5.14.0-1.el9.x86_64",
                "remove kernel-modules-5.14.0-1.el9.x86_64",
                "remove kernel-modules-extra-5.14.0-1.el9.x86_64",
                "install kernel-rt-core-" + evr + ".x86_64",
                "install kernel-rt-modules-" + evr + ".x86_64",
                "install kernel-rt-modules-extra-" + evr + ".x86_64"};
    }
    void add_builds() {
        add("old", real_time("5.14.0-1.rt1.el9"));
        add("new", real_time("5.14.0-10.rt1.el9"));
    }
    void remove_all() { input.wishes.remove = {"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"}; }
};

TEST_F(KernelSwap, TakesTheNewestBuildAndNeverItsMetaPackage) {
    add_builds();
    input.wishes.kernel = "rt";
    const auto solution = solve(input);
    EXPECT_EQ(lines(solution), to("5.14.0-10.rt1.el9"));
    EXPECT_TRUE(solution.swaps_kernel);
    EXPECT_EQ(solution.base_kernel, "5.14.0-1.el9");
    EXPECT_EQ(solution.kernel, "5.14.0-10.rt1.el9");
}

TEST_F(KernelSwap, TakesTheBuildOfTheBasesKernelAndNoOther) {
    version("match-base");
    add_builds();
    input.wishes.kernel = "rt";
    const auto solution = solve(input);
    EXPECT_EQ(lines(solution), to("5.14.0-1.rt1.el9")) << "not the newer one";
    EXPECT_THAT(solution.warnings, IsEmpty());

    input.repositories.erase(input.repositories.begin());
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::KernelMismatch);
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("the base's kernel is 5.14.0-1.el9"),
                                             HasSubstr("5.14.0-10.rt1.el9"), HasSubstr("kernel-version")));
}

TEST_F(KernelSwap, PartsAskedForByNameAreOfTheSameBuild) {
    auto old = real_time("5.14.0-1.rt1.el9"), recent = real_time("5.14.0-10.rt1.el9");
    old.push_back({"kernel-rt-kvm-5.14.0-1.rt1.el9.x86_64", {}, {}, {}, {}, {}});
    add("old", old);
    add("new", recent);
    input.wishes.kernel = "rt";
    input.wishes.install = {named("kernel-rt-kvm")};
    version("match-base");
    EXPECT_THAT(solved(), testing::IsSupersetOf({"install kernel-rt-core-5.14.0-1.rt1.el9.x86_64",
                                                 "install kernel-rt-kvm-5.14.0-1.rt1.el9.x86_64"}));
    version("newest");
    const auto solution = solve(input);
    EXPECT_THAT(lines(solution), testing::Contains("install kernel-rt-core-5.14.0-1.rt1.el9.x86_64"));
    EXPECT_THAT(solution.warnings, testing::Contains(HasSubstr("5.14.0-10.rt1.el9 is left out: no repository has its "
                                                               "kernel-rt-kvm")));
    version("5.14.0-10.rt1.el9");
    EXPECT_EQ(refusal().reason(), Reason::NoSuchPackage);
}

TEST_F(KernelSwap, OfAnotherVersionThanTheBasesIsSaid) {
    const auto said = ElementsAre(
        HasSubstr("real-time kernel 5.14.0-10.rt1.el9 is not of the version of the base's kernel 5.14.0-1.el9"));
    add("new", real_time("5.14.0-10.rt1.el9"));
    input.wishes.kernel = "rt";
    EXPECT_THAT(solve(input).warnings, said);
    version("5.14.0-10.rt1.el9");
    EXPECT_THAT(solve(input).warnings, said);
    version("match-base"); // which the request's own packages overrule
    input.wishes.install = {named("kernel-rt-core-5.14.0-10.rt1.el9")};
    EXPECT_THAT(solve(input).warnings, said);
    input.wishes.kernel.clear();
    remove_all();
    input.wishes.install = {named("kernel-rt-core"), named("kernel-rt-modules"), named("kernel-rt-modules-extra")};
    EXPECT_THAT(solve(input).warnings, said) << "literal lists are literal";
}

TEST_F(KernelSwap, PinnedTakesThatVersionAlone) {
    add_builds();
    input.wishes.kernel = "rt";
    version("5.14.0-1.rt1.el9");
    EXPECT_EQ(solved(), to("5.14.0-1.rt1.el9"));
    version("5.14.0");
    EXPECT_EQ(solved(), to("5.14.0-10.rt1.el9")) << "the newest of that version";
    version("5.15.0");
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::NoSuchPackage);
    EXPECT_THAT(error.what(), HasSubstr("5.14.0-10.rt1.el9, 5.14.0-1.rt1.el9"));
}

TEST_F(KernelSwap, PinnedToNoVersionKeepsTheBuildThatIsThere) {
    add_builds();
    input.wishes.kernel = "rt";
    version("pinned");
    EXPECT_EQ(refusal().reason(), Reason::InvalidArgument) << "there is none yet";
    carry();
    EXPECT_THAT(solved(), testing::IsSupersetOf({"install kernel-rt-core-5.14.0-2.rt1.el9.x86_64",
                                                 "install kernel-rt-modules-5.14.0-2.rt1.el9.x86_64"}));
}

TEST_F(KernelSwap, TakesOneBuildForAllPartsAndSkipsOneThatIsNotWhole) {
    add_builds();
    add("newest", {real_time("5.14.0-20.rt1.el9")[1]});
    input.wishes.kernel = "rt";
    const auto solution = solve(input);
    EXPECT_EQ(lines(solution), to("5.14.0-10.rt1.el9"));
    EXPECT_THAT(solution.warnings, testing::Contains(HasSubstr("5.14.0-20.rt1.el9 is left out")));
}

TEST_F(KernelSwap, TakesTheBuildThatTheRequestNames) {
    add_builds();
    input.wishes.kernel = "rt";
    input.wishes.install = {named("kernel-rt-core-5.14.0-1.rt1.el9")};
    EXPECT_EQ(solved(), to("5.14.0-1.rt1.el9"));
}

TEST_F(KernelSwap, TakesFilesOfTheRequest) {
    add_builds();
    input.wishes.kernel = "rt";
    input.wishes.install = {file("kernel-rt-core-5.14.0-2.rt1.el9.x86_64"),
                            file("kernel-rt-modules-5.14.0-2.rt1.el9.x86_64")};
    const auto solution = solve(input);
    EXPECT_THAT(lines(solution), testing::IsSupersetOf({"install kernel-rt-core-5.14.0-2.rt1.el9.x86_64",
                                                        "install kernel-rt-modules-5.14.0-2.rt1.el9.x86_64"}));
    EXPECT_THAT(solution.warnings, testing::Contains(HasSubstr("without kernel-rt-modules-extra")));
}

TEST_F(KernelSwap, TakesFurtherPartsOfTheSameBuildThatItDependsOn) {
    auto rows = real_time("5.14.0-10.rt1.el9");
    rows[1].needs.emplace_back("kernel-rt-modules-core-uname-r");
    rows.push_back(
        {"kernel-rt-modules-core-5.14.0-10.rt1.el9.x86_64", {"kernel-rt-modules-core-uname-r"}, {}, {}, {}, {}});
    rows.push_back({"kernel-rt-kvm-5.14.0-10.rt1.el9.x86_64", {}, {}, {}, {}, {}});
    add("a", rows);
    input.wishes.kernel = "rt";
    const auto solution = solved();
    EXPECT_THAT(solution, testing::Contains("install kernel-rt-modules-core-5.14.0-10.rt1.el9.x86_64"));
    EXPECT_THAT(solution, Not(testing::Contains(HasSubstr("kvm"))));
}

TEST_F(KernelSwap, ThatDragsTheStockKernelBackInIsRefused) {
    auto rows = real_time("5.14.0-10.rt1.el9");
    rows[1].needs.emplace_back("kernel-modules-extra");
    add("a", rows);
    input.wishes.kernel = "rt";
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::DependencyProblem);
    EXPECT_THAT(error.what(), HasSubstr("'kernel-modules-extra'"));
}

TEST_F(KernelSwap, WithoutARealTimeKernelInTheRepositoriesSaysSo) {
    input.wishes.kernel = "rt";
    EXPECT_EQ(refusal().reason(), Reason::NoSuchPackage);
    add("a", {real_time("5.14.0-10.rt1.el9")[1]});
    EXPECT_THAT(refusal().what(), HasSubstr("kernel-rt-modules of the build 5.14.0-10.rt1.el9"));
    input.wishes.kernel = "fast";
    EXPECT_EQ(refusal().reason(), Reason::InvalidArgument);
}

TEST_F(KernelSwap, AgainReplacesTheCarriedBuildByTheNewest) {
    add_builds();
    input.wishes.kernel = "rt";
    carry();
    EXPECT_EQ(solved(), to("5.14.0-10.rt1.el9"));
    input.repositories.clear();
    input.wishes.kernel.clear();
    EXPECT_EQ(solved().size(), 6U) << "without a kernel wish it stays as it is";
    input.wishes.kernel = "rt";
    EXPECT_EQ(solved().size(), 6U) << "nothing newer: the carried files are the newest build";
}

TEST_F(KernelSwap, ToStockForgetsTheSwapAndKeepsTheRest) {
    input.wishes.kernel = "stock";
    input.wishes.carried_remove = {"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra", "kernel-tools"};
    input.wishes.carried_install = {file("kernel-rt-core-5.14.0-2.rt1.el9.x86_64"),
                                    file("kernel-rt-modules-5.14.0-2.rt1.el9.x86_64")};
    EXPECT_THAT(solved(), ElementsAre("remove kernel-tools-5.14.0-1.el9.x86_64"));
}

TEST_F(KernelSwap, ByLiteralListsIsLiteral) {
    add_builds();
    remove_all();
    input.wishes.install = {named("kernel-rt-core"), named("kernel-rt-modules")};
    EXPECT_THAT(solved(), Not(testing::Contains(HasSubstr("kernel-rt-modules-extra"))));
}

TEST_F(KernelSwap, ByLiteralListsNamesAForgottenOwnerOfTheBasesKernel) {
    add_builds();
    input.wishes.install = {named("kernel-rt-core"), named("kernel-rt-modules")};
    input.wishes.remove = {"kernel", "kernel-core", "kernel-modules"};
    auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::IncompleteKernelSwap);
    EXPECT_THAT(error.what(), HasSubstr("would stay: kernel-modules-extra-5.14.0-1.el9.x86_64"));
    input.wishes.remove = {"kernel-core", "kernel-modules", "kernel-modules-extra"};
    error = refusal();
    EXPECT_EQ(error.reason(), Reason::IncompleteKernelSwap);
    EXPECT_THAT(error.what(), HasSubstr("kernel-5.14.0-1.el9.x86_64"));
    EXPECT_THAT(error.what(), Not(HasSubstr("host-base"))) << "owns files there, but is no kernel package";
}

TEST_F(KernelSwap, ThatLeavesTwoKernelsOrNoneIsRefused) {
    add_builds();
    input.wishes.install = {named("kernel-rt-core"), named("kernel-rt-modules")};
    EXPECT_EQ(refusal().reason(), Reason::SeveralKernels);
    remove_all();
    input.wishes.install = {named("kernel-rt-core-5.14.0-1.rt1.el9"), named("kernel-rt-core-5.14.0-10.rt1.el9")};
    EXPECT_EQ(refusal().reason(), Reason::SeveralKernels);
    input.wishes.install.clear();
    EXPECT_EQ(refusal().reason(), Reason::NoKernel);
}

TEST_F(KernelSwap, RefusesTheMetaPackage) {
    add_builds();
    input.wishes.kernel = "rt";
    input.wishes.install = {named("kernel-rt")};
    EXPECT_EQ(refusal().reason(), Reason::InvalidArgument);
}

TEST_F(KernelSwap, IsNoneWhenOnlyExtraModulesLeave) {
    input.wishes.remove = {"kernel-modules-extra"};
    EXPECT_THAT(solved(), ElementsAre("remove kernel-modules-extra-5.14.0-1.el9.x86_64"));
}

} // namespace
} // namespace rtnode::plan
