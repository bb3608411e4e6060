#include "fixture.hpp"
#include "rpm/database.hpp"
#include "rpm/keyring.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <set>

using namespace rtnode;
using namespace rtnode::test;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

namespace fs = std::filesystem;

const RpmFixture& fixture() {
    return RpmFixture::get();
}

std::set<std::string> names_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        names.insert(entry.path().filename().string());
    return names;
}

fs::path fresh_folder(const std::string& name) {
    const auto folder = fixture().folder() / name;
    fs::remove_all(folder);
    fs::create_directory(folder);
    return folder;
}

Nevra nevra(const std::string& evr) {
    return Nevra::parse("a-" + evr + ".x86_64");
}

} // namespace

struct BackEndCase {
    std::string name;
    rpm::BackEnd back_end;
    fs::path (RpmFixture::*database)() const;
};

/// Whatever keeps the packages, the answers are the same.
class BackEnds : public testing::TestWithParam<BackEndCase> {
  protected:
    static fs::path database() { return (fixture().*GetParam().database)(); }
};

TEST_P(BackEnds, IsToldByWhatLiesInTheFolder) {
    EXPECT_EQ(rpm::back_end(database()), GetParam().back_end);
}

TEST_P(BackEnds, IsReadFromAPrivateCopyWithoutATraceInTheOriginal) {
    const auto before = names_in(database());
    fs::path copy_folder;
    {
        const rpm::DatabaseCopy copy(database(), fixture().folder());
        copy_folder = copy.folder();
        std::vector<std::string> packages;
        for (const auto& package : rpm::installed_packages(copy.folder()))
            packages.push_back(package.nevra.str());
        EXPECT_THAT(packages, ElementsAre("kernel-core-4:1.2-3.el9.x86_64", "kernel-modules-4:1.2-3.el9.x86_64",
                                          "neighbour-4:1.2-3.el9.noarch"))
            << "in order, and without the keys";
    }
    EXPECT_FALSE(fs::exists(copy_folder));
    EXPECT_EQ(names_in(database()), before);
}

TEST_P(BackEnds, KnowsWhatPackagesProvide) {
    EXPECT_THAT(rpm::installed_packages(database()).at(0).provides, Contains("kernel-core(x86-64)"));
}

TEST_P(BackEnds, KnowsWhoOwnsAKernel) {
    const rpm::DatabaseCopy copy(database(), fixture().folder());
    EXPECT_THAT(rpm::owners_of_kernel(copy.folder(), "6.1.0-7"), ElementsAre("kernel-core", "kernel-modules"));
    EXPECT_THAT(rpm::owners_of_kernel(copy.folder(), "6.1.0-77"), ElementsAre("neighbour")) << "a folder counts too";
    EXPECT_THAT(rpm::owners_of_kernel(copy.folder(), "6.1.0"), ElementsAre());
}

TEST_P(BackEnds, HoldsTheKeysThatPackagesAreSignedBy) {
    const auto keyring = rpm::Keyring::load(database(), {});
    ASSERT_EQ(keyring.keys().size(), 1u);
    EXPECT_THAT(keyring.keys().at(0).user, HasSubstr("maker@example.invalid"));
}

INSTANTIATE_TEST_SUITE_P(RpmDatabase, BackEnds,
                         testing::Values(BackEndCase{"Sqlite", rpm::BackEnd::sqlite, &RpmFixture::database},
                                         BackEndCase{"BerkeleyDb", rpm::BackEnd::berkeley_db,
                                                     &RpmFixture::berkeley_database}),
                         [](const auto& row) { return row.param.name; });

TEST(RpmDatabase, OrdersVersionsAsRpmDoes) {
    EXPECT_LT(rpm::compare_evr(nevra("1.9-1"), nevra("1.10-1")), 0);
    EXPECT_GT(rpm::compare_evr(nevra("1:1-1"), nevra("9-1")), 0);
    EXPECT_LT(rpm::compare_evr(nevra("1~rc1-1"), nevra("1-1")), 0);
    EXPECT_EQ(rpm::compare_evr(nevra("1-1"), nevra("1-1")), 0);
}

TEST(RpmDatabase, OfBerkeleyDbIsNeverWritten) {
    const auto folder = fixture().berkeley_database();
    EXPECT_NO_THROW(rpm::require_writable(fixture().database()));
    EXPECT_EQ(test::reason_of([&] { rpm::require_writable(folder); }), Reason::UnsupportedRoot);
    EXPECT_EQ(test::reason_of([&] { rpm::seal_database(folder); }), Reason::UnsupportedRoot);
}

TEST(RpmDatabase, RefusesABackEndThatNobodyReadsAndNone) {
    const auto ndb = fresh_folder("ndb"), nothing = fresh_folder("nothing");
    std::ofstream(ndb / "Packages.db") << "x";
    EXPECT_EQ(test::reason_of([&] { rpm::installed_packages(ndb); }), Reason::UnsupportedRoot);
    EXPECT_EQ(test::reason_of([&] { rpm::DatabaseCopy(ndb, fixture().folder()); }), Reason::UnsupportedRoot);
    EXPECT_EQ(test::reason_of([&] { rpm::installed_packages(nothing); }), Reason::UnsupportedRoot);
    EXPECT_TRUE(fs::is_empty(nothing)) << "a wrong path must not create a database";
}

TEST(RpmDatabase, RefusesADamagedOne) {
    for (const auto* file : {"rpmdb.sqlite", "Packages"}) {
        const auto damaged = fresh_folder("damaged");
        std::ofstream(damaged / file) << std::string(8192, 'x');
        EXPECT_EQ(test::reason_of([&] { rpm::installed_packages(damaged); }), Reason::UnsupportedRoot) << file;
    }
}

TEST(RpmDatabase, OnceSealedIsReadableWithoutSideFiles) {
    const auto sealed = fresh_folder("sealed");
    fs::copy(fixture().database(), sealed, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    std::ofstream(sealed / "__db.001") << "x";

    rpm::seal_database(sealed);
    EXPECT_EQ(names_in(sealed), std::set<std::string>{"rpmdb.sqlite"});

    EXPECT_EQ(rpm::installed_packages(sealed).size(), 3u);
    EXPECT_EQ(names_in(sealed), std::set<std::string>{"rpmdb.sqlite"}) << "a reader left something";
}
