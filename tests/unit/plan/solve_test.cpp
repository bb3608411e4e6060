// Replace, remove and install by name, version and file.

#include "solve_fixture.hpp"

namespace rtnode::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Row microcode(const std::string& evr) {
    return {"microcode_ctl-" + evr + ".x86_64", {}, {"coreutils"}, {}, {}, {}};
}

TEST_F(Solving, AReplacementByNameIsTheNewestOfTheRepositories) {
    add("a", {microcode("4:20240101-1.el9"), microcode("4:20250101-1.el9")});
    add("b", {microcode("4:20240601-1.el9")});
    input.wishes.replace = {named("microcode_ctl")};
    const auto solution = solve(input);
    EXPECT_THAT(lines(solution), ElementsAre("replace microcode_ctl-4:20230101-1.el9.x86_64 -> "
                                             "microcode_ctl-4:20250101-1.el9.x86_64"));
    ASSERT_EQ(solution.packages.size(), 1U);
    const auto& package = solution.packages[0];
    EXPECT_EQ(package.repository, "a");
    EXPECT_EQ(solution.changes[0].source, "a");
    EXPECT_THAT(package.download.urls, ElementsAre("http://first/a/Packages/microcode_ctl-20250101-1.el9.x86_64.rpm",
                                                   "http://second/a/Packages/microcode_ctl-20250101-1.el9.x86_64.rpm"));
    EXPECT_EQ(package.download.size, 1234U);
    EXPECT_EQ(package.installed_size, 5678U);
    EXPECT_EQ(package.download.checksum->type, "sha256");
    EXPECT_EQ(package.download.checksum->hex.size(), 64U);
    EXPECT_FALSE(solution.swaps_kernel);
}

TEST_F(Solving, ABetterPriorityHidesNewerPackagesAndCostDecidesAmongEquals) {
    add("new", {microcode("4:20250101-1.el9")});
    add("preferred", {microcode("4:20240101-1.el9")}).repository.priority = 10;
    input.wishes.replace = {named("microcode_ctl")};
    EXPECT_EQ(solve(input).packages[0].repository, "preferred");
    input.repositories[1].repository.priority = 99;
    EXPECT_EQ(solve(input).packages[0].repository, "new");
    add("near", {microcode("4:20250101-1.el9")}).repository.cost = 1;
    EXPECT_EQ(solve(input).packages[0].repository, "near");
}

TEST_F(Solving, ADowngradeTakesAVersionOrAFile) {
    add("a", {microcode("4:20220101-1.el9")});
    input.wishes.replace = {named("microcode_ctl")};
    const auto solution = solve(input);
    EXPECT_THAT(solution.changes, IsEmpty());
    EXPECT_THAT(solution.warnings, ElementsAre(HasSubstr("nothing newer than microcode_ctl-4:20230101-1.el9.x86_64")));
    const std::string down = "replace microcode_ctl-4:20230101-1.el9.x86_64 -> microcode_ctl-4:20220101-1.el9.x86_64";
    const auto said = ElementsAre(HasSubstr("microcode_ctl-4:20220101-1.el9.x86_64 is a downgrade"));
    for (const auto* text : {"microcode_ctl-4:20220101-1.el9.x86_64", "microcode_ctl-20220101-1.el9.x86_64",
                             "microcode_ctl-4:20220101-1.el9", "microcode_ctl-20220101"}) {
        input.wishes.replace = {named(text)};
        EXPECT_THAT(solved(), ElementsAre(down)) << text;
        EXPECT_THAT(solve(input).warnings, said) << text;
    }
    input.repositories.clear();
    input.wishes.replace = {file("microcode_ctl-4:20220101-1.el9.x86_64")};
    EXPECT_THAT(solved(), ElementsAre(down));
}

TEST_F(Solving, AFileIsTakenAsItIsWithItsSource) {
    add("a", {microcode("4:20250101-1.el9")});
    input.wishes.replace = {file("microcode_ctl-4:20240101-1.el9.x86_64")};
    const auto solution = solve(input);
    ASSERT_EQ(solution.packages.size(), 1U);
    EXPECT_TRUE(solution.packages[0].file);
    EXPECT_EQ(solution.changes[0].after->evr(), "4:20240101-1.el9");
    EXPECT_EQ(solution.changes[0].source, "/tmp/microcode_ctl-4:20240101-1.el9.x86_64.rpm");
    EXPECT_EQ(solution.changes[0].checksum, "sha256:" + solution.packages[0].file->sha256);
    EXPECT_EQ(solution.changes[0].download_bytes, 0U);
}

TEST_F(Solving, WhatTheBaseHasAlreadyIsNoChange) {
    add("a", {microcode("4:20230101-1.el9"), {"app-1-1.el9.x86_64", {}, {}, {}, {}, {}}});
    input.wishes.replace = {named("microcode_ctl-4:20230101-1.el9.x86_64")};
    input.wishes.install = {named("app")};
    const auto solution = solve(input);
    EXPECT_THAT(solution.changes, IsEmpty());
    EXPECT_EQ(solution.warnings.size(), 2U);
}

TEST_F(Solving, IsSortedByKindThenName) {
    add("a", {microcode("4:20250101-1.el9"),
              {"zebra-1-1.x86_64", {}, {}, {}, {}, {}},
              {"aardvark-1-1.noarch", {}, {}, {}, {}, {}}});
    input.wishes.install = {named("zebra"), named("aardvark")};
    input.wishes.remove = {"kernel-tools", "app"};
    input.wishes.replace = {named("microcode_ctl")};
    const auto solution = solve(input);
    EXPECT_THAT(lines(solution), ElementsAre(HasSubstr("replace microcode_ctl"), "remove app-1-1.el9.x86_64",
                                             "remove kernel-tools-5.14.0-1.el9.x86_64", "install aardvark-1-1.noarch",
                                             "install zebra-1-1.x86_64"));
    ASSERT_EQ(solution.packages.size(), 3U);
    EXPECT_EQ(solution.packages[0].nevra.name, "microcode_ctl");
    EXPECT_EQ(solution.packages[2].nevra.name, "zebra");
}

TEST_F(Solving, AnUnknownPackageIsNamedWithNearOnes) {
    add("a", {microcode("4:20250101-1.el9"), {"foreign-1-1.aarch64", {}, {}, {}, {}, {}}});
    input.wishes.install = {named("mikrocode_ctl")};
    auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::NoSuchPackage);
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'microcode_ctl'?"));
    input.wishes.install = {named("foreign")};
    error = refusal();
    EXPECT_EQ(error.reason(), Reason::WrongArchitecture);
    EXPECT_THAT(error.what(), HasSubstr("foreign-1-1.aarch64"));
    input.wishes.install.clear();
    input.wishes.replace = {named("microcode_ctl-20990101")};
    error = refusal();
    EXPECT_EQ(error.reason(), Reason::NoSuchPackage);
    EXPECT_THAT(error.what(), HasSubstr("microcode_ctl-4:20250101-1.el9.x86_64"));
}

TEST_F(Solving, AnExcludedPackageIsNotSeen) {
    add("a", {microcode("4:20250101-1.el9")}).repository.exclude = {"micro*"};
    input.wishes.replace = {named("microcode_ctl")};
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::NoSuchPackage);
    EXPECT_THAT(error.what(), HasSubstr("exclude or include setting (defined at repositories:1)"));
}

TEST_F(Solving, WhatTheBaseDoesNotHaveIsNeitherReplacedNorRemoved) {
    add("a", {{"tool-1-1.x86_64", {}, {}, {}, {}, {}}});
    input.wishes.replace = {named("tool")};
    EXPECT_EQ(refusal().reason(), Reason::PackageNotInBase);
    input.wishes.replace.clear();
    input.wishes.remove = {"microcode_ctrl"};
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::PackageNotInBase);
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'microcode_ctl'?"));
}

TEST_F(Solving, WhatTheBaseHasInAnotherVersionIsReplacedNotInstalled) {
    input.wishes.install = {file("microcode_ctl-4:20240101-1.el9.x86_64")};
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::InvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("replace it"));
}

TEST_F(Solving, AskingTwiceForOneNameIsRefused) {
    add("a", {microcode("4:20250101-1.el9"), microcode("4:20240101-1.el9")});
    input.wishes.replace = {named("microcode_ctl-4:20250101-1.el9"), named("microcode_ctl-4:20240101-1.el9")};
    EXPECT_EQ(refusal().reason(), Reason::InvalidArgument);
    input.wishes.replace = {named("microcode_ctl")};
    input.wishes.remove = {"microcode_ctl"};
    EXPECT_EQ(refusal().reason(), Reason::InvalidArgument);
}

TEST_F(Solving, ADependencyThatNothingProvidesIsNamedWithWhoNeedsIt) {
    input.wishes.install = {file("tool-2-1.el9.x86_64")};
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::DependencyProblem);
    EXPECT_THAT(error.what(), HasSubstr("nothing provides 'libtool-that-nobody-has' needed by tool-2-1.el9.x86_64"));
}

TEST_F(Solving, RemovingWhatOthersNeedIsRefusedWithThem) {
    input.wishes.remove = {"libapp"};
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::DependencyProblem);
    EXPECT_THAT(error.what(), HasSubstr("app-1-1.el9.x86_64 (it needs 'libapp = 1')"));
    input.wishes.remove = {"libapp", "app"};
    EXPECT_THAT(solved(), ElementsAre("remove app-1-1.el9.x86_64", "remove libapp-1-1.el9.x86_64"));
}

TEST_F(Solving, APackageThatWouldBeDraggedInIsNamedWithWhoNeedsIt) {
    add("a", {{"top-1-1.x86_64", {}, {"bottom"}, {}, {}, {}}, {"bottom-1-1.x86_64", {}, {}, {}, {}, {}}});
    input.wishes.install = {named("top")};
    const auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::UnaskedChange);
    EXPECT_THAT(error.what(), HasSubstr("bring in bottom-1-1.x86_64 (top-1-1.x86_64 needs 'bottom')"));
    input.wishes.install.push_back(named("bottom"));
    EXPECT_THAT(solved(), ElementsAre("install bottom-1-1.x86_64", "install top-1-1.x86_64"));
}

TEST_F(Solving, ALongListOfUnaskedPackagesIsCutOff) {
    std::vector<Row> rows{{"top-1-1.x86_64", {}, {}, {}, {}, {}}};
    for (unsigned i = 0; i < 20; ++i) {
        rows[0].needs.push_back(fmt::format("part{}", i));
        rows.push_back({fmt::format("part{}-1-1.noarch", i), {}, {}, {}, {}, {}});
    }
    add("a", rows);
    input.wishes.install = {named("top")};
    EXPECT_THAT(refusal().what(), HasSubstr("; and 12 more; nothing is changed"));
}

TEST_F(Solving, ABasePackageThatWouldBeUpdatedOrTakenOutIsNamed) {
    add("a", {{"needy-1-1.x86_64", {}, {"libapp = 2"}, {}, {}, {}},
              {"libapp-2-1.el9.x86_64", {}, {}, {}, {}, {}},
              {"app-2-1.el9.x86_64", {}, {"libapp = 2"}, {}, {}, {}},
              {"taker-1-1.x86_64", {}, {}, {}, {"kernel-tools"}, {}},
              {"foe-1-1.x86_64", {}, {}, {"kernel-tools"}, {}, {}}});
    input.wishes.install = {named("needy")};
    auto error = refusal();
    EXPECT_EQ(error.reason(), Reason::UnaskedChange);
    EXPECT_THAT(error.what(), HasSubstr("libapp-2-1.el9.x86_64 (needy-1-1.x86_64 needs 'libapp = 2')"));
    for (const auto* name : {"taker", "foe"}) {
        input.wishes.install = {named(name)};
        error = refusal();
        EXPECT_EQ(error.reason(), Reason::UnaskedChange) << error.what();
        EXPECT_THAT(error.what(), HasSubstr("take out kernel-tools-5.14.0-1.el9.x86_64"));
    }
    input.wishes.remove = {"kernel-tools"};
    EXPECT_THAT(solved(), ElementsAre(HasSubstr("remove kernel-tools"), "install foe-1-1.x86_64"));
}

TEST_F(Solving, TheBasesOwnBrokenDependenciesAreItsOwnAffair) {
    add("a", {{"tool-1-1.x86_64", {}, {}, {}, {}, {}}});
    input.wishes.install = {named("tool")}; // always-broken is in the base
    EXPECT_THAT(solved(), ElementsAre("install tool-1-1.x86_64"));
}

TEST_F(Solving, FileListsAreLoadedOnlyForADependencyOnAFile) {
    add("a", {{"user-1-1.x86_64", {}, {"/usr/lib/owner/data"}, {}, {}, {}},
              {"plain-1-1.x86_64", {}, {}, {}, {}, {}},
              {"owner-1-1.x86_64", {}, {}, {}, {}, {"/usr/lib/owner/data"}}});
    unsigned loaded = 0;
    input.load_filelists = [&](RepositoryInput& repository) {
        ++loaded;
        repository.files.filelists = folder.path() / "a-filelists.xml";
    };
    input.wishes.install = {named("plain")};
    solved();
    EXPECT_EQ(loaded, 0U);
    input.wishes.install = {named("user"), named("owner")};
    EXPECT_THAT(solved(), ElementsAre("install owner-1-1.x86_64", "install user-1-1.x86_64"));
    EXPECT_EQ(loaded, 1U);
}

TEST_F(Solving, CorruptMetadataNamesItsRepository) {
    add("a", {microcode("4:20250101-1.el9")});
    for (const auto* text : {"<metadata><package", "no xml"}) {
        std::ofstream(input.repositories[0].files.primary) << text;
        const auto error = refusal();
        EXPECT_EQ(error.reason(), Reason::RepositoryMetadata);
        EXPECT_THAT(error.what(), HasSubstr("repository 'a' (defined at repositories:1)"));
    }
}

TEST_F(Solving, TheBackEndOfTheBasesDatabaseMakesNoDifference) {
    add("a", {microcode("4:20250101-1.el9")});
    input.wishes.replace = {named("microcode_ctl")};
    input.wishes.remove = {"kernel-tools"};
    const auto with_sqlite = solved();
    ASSERT_THAT(with_sqlite, ElementsAre(HasSubstr("replace microcode_ctl-4:20230101-1.el9.x86_64 -> "),
                                         HasSubstr("remove kernel-tools")));
    input.rpmdb_folder = BuiltPackages::get().berkeley_rpmdb();
    EXPECT_EQ(solved(), with_sqlite);
}

TEST_F(Solving, ABaseWithoutDatabaseIsCorrupt) {
    input.rpmdb_folder = folder.path();
    EXPECT_EQ(refusal().reason(), Reason::CorruptObject);
    folder.write("rpmdb.sqlite", "no database");
    EXPECT_EQ(refusal().reason(), Reason::CorruptObject);
}

TEST_F(Solving, WhatIsCarriedOverStaysUntilAWishOfTheSameNameComes) {
    add("a", {microcode("4:20250101-1.el9")});
    input.wishes.carried_replace = {file("microcode_ctl-4:20240101-1.el9.x86_64")};
    input.wishes.carried_remove = {"kernel-tools"};
    EXPECT_THAT(solved(), ElementsAre(HasSubstr("-> microcode_ctl-4:20240101-1"), HasSubstr("remove kernel-tools")));
    input.wishes.replace = {named("microcode_ctl")};
    EXPECT_THAT(solved(), ElementsAre(HasSubstr("-> microcode_ctl-4:20250101-1"), HasSubstr("remove kernel-tools")));
}

TEST_F(Solving, WhatIsCarriedOverToANewBaseIsNeverADowngrade) {
    input.wishes.carried_replace = {file("microcode_ctl-4:20220101-1.el9.x86_64")};
    EXPECT_THAT(solved(), ElementsAre(HasSubstr("-> microcode_ctl-4:20220101-1")))
        << "on the base for which somebody chose it, it stays";
    input.wishes.new_base = true;
    const auto solution = solve(input);
    EXPECT_THAT(solution.changes, IsEmpty());
    EXPECT_THAT(solution.warnings, ElementsAre(HasSubstr("override of 'microcode_ctl' is dropped: the new base has "
                                                         "microcode_ctl-4:20230101-1.el9.x86_64")));
    input.wishes.carried_replace = {file("microcode_ctl-4:20240101-1.el9.x86_64")};
    EXPECT_THAT(solved(), ElementsAre(HasSubstr("-> microcode_ctl-4:20240101-1"))) << "newer still";
    input.wishes.replace = {file("microcode_ctl-4:20220101-1.el9.x86_64")};
    EXPECT_THAT(solved(), ElementsAre(HasSubstr("-> microcode_ctl-4:20220101-1"))) << "asked for in this request";
}

TEST_F(Solving, WhatIsCarriedOverButNoLongerFitsIsInactive) {
    input.wishes.carried_replace = {file("tool-2-1.el9.x86_64")};
    input.wishes.carried_remove = {"gone"};
    const auto solution = solve(input);
    EXPECT_THAT(solution.changes, IsEmpty());
    EXPECT_THAT(solution.warnings, ElementsAre(HasSubstr("'tool' is inactive"), HasSubstr("'gone' is inactive")));
}

} // namespace
} // namespace rtnode::plan
