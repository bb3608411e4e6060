// A DVD, as image by the real xorriso or as folder, becomes a folder for a web server, at once or not at all.

#include "fixture.hpp"

#include "media/import.hpp"
#include "media/medium.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <sys/stat.h>

namespace rtnode::media {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// RPMs' names are long: this one has 90 characters.
const std::string long_name = "Packages/" + std::string(60, 'n') + "-1.0-1.20260101git0123456.el9.x86_64.rpm";

struct Importing : testing::Test {
    TempFolder temp;
    const fs::path dvd = temp.path / "dvd", image = temp.path / "dvd.iso", root = temp.path / "state/repos";
    bool canceled = false;
    std::vector<std::string> steps;
    double fraction = 0;
    std::function<void()> last_call = [] {};

    void SetUp() override {
        make_repository(dvd / "BaseOS",
                        {{"Packages/a-1-1.noarch.rpm", std::string(300'000, 'a')}, {long_name, "long"}});
        make_repository(dvd / "AppStream", {{"Packages/b-1-1.noarch.rpm", "b"}});
        write(dvd / "media.repo", "[InstallMedia]\nname=Red Hat Enterprise Linux 9.4.0\nmediaid=1\n");
        write(dvd / ".treeinfo", "[general]\nname = Old\n[release]\nname = Red Hat Enterprise Linux\nversion = 9.4\n");
        write(dvd / "RPM-GPG-KEY-redhat-release", "Words.\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
        write(dvd / "RPM-GPG-KEY-no-key", "root:secret");
        write(dvd / "images/install.img", "not wanted");
        write(dvd / "BaseOS/Packages/stray.rpm", "no metadata names it");
    }
    void burn(const std::string& options = "-rockridge on -joliet on") {
        fs::remove(image);
        ASSERT_TRUE(ran("xorriso " + options + " -outdev " + image.string() + " -map " + dvd.string() + " / -commit"));
    }
    ImportOrder order(const fs::path& source) {
        return {.source = source,
                .name = "rhel",
                .web_root = root,
                .staging = temp.path / "state/import",
                .canceled = [this] { return canceled; },
                .step = [this](const std::string& step) { steps.push_back(step); },
                .progress = [this](double now) { fraction = now; },
                .last_call = [this] { last_call(); }};
    }
    Error refusal(const fs::path& source) {
        const auto before = listing();
        try {
            import_medium(order(source));
        } catch (const Error& error) {
            EXPECT_EQ(listing(), before) << "what was there before stays";
            EXPECT_FALSE(fs::exists(temp.path / "state/import"));
            return error;
        }
        return Error(Reason::Internal, "imported");
    }
    /// Of the web root, with modes.
    std::vector<std::string> listing() const {
        std::vector<std::string> paths;
        if (!fs::exists(root)) return paths;
        for (const auto& entry : fs::recursive_directory_iterator(root)) {
            struct stat facts {};
            lstat(entry.path().c_str(), &facts);
            if (!S_ISDIR(facts.st_mode))
                paths.push_back(fmt::format("{} {:o}", entry.path().lexically_relative(root).string(), facts.st_mode));
        }
        std::ranges::sort(paths);
        return paths;
    }
    void expect_imported() {
        std::vector<std::string> wanted;
        for (const auto& path : std::vector<std::string>{
                 ".local.repo", "AppStream/Packages/b-1-1.noarch.rpm", "AppStream/repodata/comps.xml",
                 "AppStream/repodata/primary.xml.gz", "AppStream/repodata/repomd.xml",
                 "BaseOS/Packages/a-1-1.noarch.rpm", "BaseOS/" + long_name, "BaseOS/repodata/comps.xml",
                 "BaseOS/repodata/primary.xml.gz", "BaseOS/repodata/repomd.xml", "RPM-GPG-KEY-redhat-release"})
            wanted.push_back("rhel/" + path + " 100644");
        std::ranges::sort(wanted);
        EXPECT_EQ(listing(), wanted);
        EXPECT_EQ(read(root / "rhel/BaseOS/Packages/a-1-1.noarch.rpm"), std::string(300'000, 'a'));
        EXPECT_EQ(read(root / "rhel/BaseOS" / long_name), "long");
        EXPECT_FALSE(fs::exists(temp.path / "state/import"));
    }
};

} // namespace

TEST_F(Importing, ADvdImageGivesItsRepositories) {
    burn();
    const auto imported = import_medium(order(image));
    expect_imported();
    EXPECT_THAT(steps, ElementsAre("Checking metadata", "Copying packages", "Publishing rhel"));
    EXPECT_EQ(fraction, 1.0);
    ASSERT_EQ(imported.repositories.size(), 2U);
    const auto& base = imported.repositories[1];
    EXPECT_EQ(base.id, "rhel-BaseOS");
    EXPECT_EQ(base.title, "Red Hat Enterprise Linux 9.4 - BaseOS");
    EXPECT_EQ(base.packages, 2U);
    EXPECT_EQ(base.bytes, 300'004U);
    EXPECT_FALSE(imported.replaced);
    EXPECT_THAT(read(root / "rhel/.local.repo"),
                HasSubstr("[rhel-AppStream]\nname=Red Hat Enterprise Linux 9.4 - AppStream\nbaseurl=file://" +
                          root.string() + "/rhel/AppStream\nenabled=1\ngpgcheck=1\n"));
}

TEST_F(Importing, RockRidgeOrJolietNamesWillDo) {
    for (const auto* options :
         {"-rockridge on -joliet off", "-rockridge off -joliet on -compliance joliet_long_names"}) {
        fs::remove_all(root);
        burn(options);
        import_medium(order(image));
        expect_imported();
    }
}

TEST_F(Importing, AnImageWithNeitherSaysWhatItLacks) {
    burn("-rockridge off -joliet off");
    const auto error = refusal(image);
    EXPECT_EQ(error.reason(), Reason::NoRepository) << "REPODATA/REPOMD.XML is no repodata/repomd.xml";
    EXPECT_THAT(error.what(), HasSubstr("repodata/repomd.xml"));
}

TEST_F(Importing, FilesThatShareTheirContentOnTheImageComeEach) {
    // As mkisofs lays out hard links: one extent, several names. All empty files share one, too.
    ASSERT_TRUE(ran("cp -al " + (dvd / "BaseOS").string() + " " + (dvd / "Twin").string()));
    make_repository(dvd / "RT", {{"Packages/empty-1.rpm", ""}, {"Packages/empty-2.rpm", ""}});
    burn("-hardlinks on");
    const auto imported = import_medium(order(image));
    ASSERT_EQ(imported.repositories.size(), 4U);
    EXPECT_EQ(read(root / "rhel/Twin/Packages/a-1-1.noarch.rpm"), std::string(300'000, 'a'));
    EXPECT_EQ(read(root / "rhel/BaseOS/Packages/a-1-1.noarch.rpm"), std::string(300'000, 'a'));
    EXPECT_TRUE(fs::exists(root / "rhel/RT/Packages/empty-2.rpm"));
}

TEST_F(Importing, AFolderGivesTheSame) {
    import_medium(order(dvd));
    expect_imported();
}

TEST_F(Importing, ARepositoryInTheRootIsCalledByTheNameAlone) {
    make_repository(temp.path / "plain", {{"a.rpm", "a"}});
    const auto imported = import_medium(order(temp.path / "plain"));
    ASSERT_EQ(imported.repositories.size(), 1U);
    EXPECT_EQ(imported.repositories[0].id, "rhel");
    EXPECT_EQ(imported.repositories[0].title, "rhel");
    EXPECT_THAT(read(root / "rhel/.local.repo"), HasSubstr("baseurl=file://" + root.string() + "/rhel/\n"));
}

TEST_F(Importing, AFoldersNameMeansNothingInTheDefinition) {
    const std::string odd = "RT\ngpgcheck=0\n$x, #1";
    make_repository(temp.path / "plain" / odd, {{"a.rpm", "a"}});
    make_repository(temp.path / "plain/a/b", {{"a.rpm", "a"}});
    make_repository(temp.path / "plain/a-b", {{"a.rpm", "a"}});
    const auto imported = import_medium(order(temp.path / "plain"));
    ASSERT_EQ(imported.repositories.size(), 3U);
    std::vector<std::string> ids;
    for (const auto& repository : imported.repositories)
        ids.push_back(repository.id);
    EXPECT_THAT(ids, testing::UnorderedElementsAre("rhel-RT_gpgcheck_0__x___1", "rhel-a-b", "rhel-a-b_"));
    const auto definition = read(root / "rhel/.local.repo");
    EXPECT_THAT(definition, testing::Not(HasSubstr("gpgcheck=0\n")));
    EXPECT_THAT(definition, HasSubstr("name=rhel - RT_gpgcheck=0__x, #1\nbaseurl=file://" + root.string() +
                                      "/rhel/RT%0Agpgcheck%3D0%0A%24x%2C%20%231\n"));
}

TEST_F(Importing, MetadataThatContradictEachOtherAreRefused) {
    // Of a repository in another: both name one file.
    make_repository(temp.path / "plain", {{"sub/a.rpm", "a"}});
    make_repository(temp.path / "plain/sub", {{"a.rpm", "b"}});
    const auto error = refusal(temp.path / "plain");
    EXPECT_EQ(error.reason(), Reason::RepositoryMetadata);
    EXPECT_THAT(error.what(), HasSubstr("'sub/a.rpm' twice"));
    make_repository(temp.path / "plain/sub", {{"a.rpm", "a"}});
    EXPECT_EQ(import_medium(order(temp.path / "plain")).repositories.size(), 2U);
}

TEST_F(Importing, AnIndexWithoutEndIsNotCopied) {
    fs::resize_file(dvd / "BaseOS/repodata/repomd.xml", 1ULL << 40);
    const auto error = refusal(dvd);
    EXPECT_EQ(error.reason(), Reason::UnreadableMedium);
    EXPECT_THAT(error.what(), HasSubstr("BaseOS/repodata/repomd.xml"));
}

TEST_F(Importing, ACheckCopiesNothing) {
    auto check = order(dvd);
    check.check_only = true;
    EXPECT_EQ(import_medium(check).repositories.size(), 2U);
    EXPECT_TRUE(listing().empty());
    EXPECT_FALSE(fs::exists(temp.path / "state/import"));
}

TEST_F(Importing, AgainReplacesTheWholeFolderAtOnce) {
    import_medium(order(dvd));
    make_repository(temp.path / "plain", {{"a.rpm", "a"}});
    last_call = [&] { EXPECT_TRUE(fs::exists(root / "rhel/BaseOS/repodata/repomd.xml")) << "until the last moment"; };
    EXPECT_TRUE(import_medium(order(temp.path / "plain")).replaced);
    EXPECT_EQ(read(root / "rhel/a.rpm"), "a");
    EXPECT_FALSE(fs::exists(root / "rhel/BaseOS"));
    EXPECT_FALSE(fs::exists(temp.path / "state/import"));
}

TEST_F(Importing, WhatAKilledImportLeftIsInNobodysWay) {
    write(temp.path / "state/import/half", "half");
    import_medium(order(dvd));
    expect_imported();
}

TEST_F(Importing, DamageIsNamedAndWhatWasThereStays) {
    import_medium(order(dvd));
    write(dvd / "BaseOS/Packages/a-1-1.noarch.rpm", std::string(299'999, 'a') + "b");
    auto error = refusal(dvd);
    EXPECT_EQ(error.reason(), Reason::DigestMismatch);
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("BaseOS/Packages/a-1-1.noarch.rpm"), HasSubstr("sha256")));
    burn();
    EXPECT_EQ(refusal(image).reason(), Reason::DigestMismatch);

    write(dvd / "BaseOS/Packages/a-1-1.noarch.rpm", "short");
    error = refusal(dvd);
    EXPECT_EQ(error.reason(), Reason::DigestMismatch);
    EXPECT_THAT(error.what(), HasSubstr("has the size 5")) << "known before anything is copied";

    fs::remove(dvd / "BaseOS/Packages/a-1-1.noarch.rpm");
    error = refusal(dvd);
    EXPECT_EQ(error.reason(), Reason::RepositoryMetadata);
    EXPECT_THAT(error.what(), HasSubstr("which is not there"));

    SetUp();
    write(dvd / "AppStream/repodata/comps.xml", "<other/>");
    EXPECT_EQ(refusal(dvd).reason(), Reason::DigestMismatch) << "metadata is checked, too";
}

TEST_F(Importing, AnImageThatIsCutOffIsNamed) {
    burn();
    fs::resize_file(image, fs::file_size(image) - 350'000);
    const auto error = refusal(image);
    EXPECT_EQ(error.reason(), Reason::UnreadableMedium) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("compare its checksum"));
    write(image, "no image at all");
    EXPECT_EQ(refusal(image).reason(), Reason::UnreadableMedium);
    write(image, "");
    EXPECT_EQ(refusal(image).reason(), Reason::UnreadableMedium);
}

TEST_F(Importing, OnlyRegularFilesAndFoldersAreOpened) {
    fs::create_symlink(dvd, temp.path / "link");
    EXPECT_EQ(refusal(temp.path / "link").reason(), Reason::UnsafePath);
    ASSERT_EQ(mkfifo((temp.path / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(refusal(temp.path / "fifo").reason(), Reason::UnsafePath);
    EXPECT_EQ(refusal(temp.path / "nothere").reason(), Reason::UnsafePath);
    EXPECT_EQ(refusal("relative").reason(), Reason::UnsafePath);
    EXPECT_EQ(refusal(temp.path / "link/").reason(), Reason::UnsafePath);
    // A package that is a link to what only root may read.
    const auto package = dvd / "BaseOS/Packages/a-1-1.noarch.rpm";
    fs::rename(package, temp.path / "secret");
    fs::create_symlink(temp.path / "secret", package);
    EXPECT_EQ(refusal(dvd).reason(), Reason::RepositoryMetadata) << "links are not there";
}

TEST_F(Importing, AFileThatBecomesALinkMeanwhileIsNotFollowed) {
    const auto medium = open_medium(dvd, [] { return false; });
    const std::string path = "BaseOS/Packages/a-1-1.noarch.rpm";
    ASSERT_TRUE(medium->files().contains(path));
    fs::rename(dvd / "BaseOS", temp.path / "moved");
    fs::create_symlink(temp.path / "moved", dvd / "BaseOS");
    try {
        medium->read({path}, [](const std::string&, Content&) { FAIL() << "it was opened"; });
        FAIL() << "it was taken";
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::UnsafePath);
    }
}

TEST_F(Importing, NoRepositoryIsSaid) {
    fs::create_directories(temp.path / "empty");
    EXPECT_EQ(refusal(temp.path / "empty").reason(), Reason::NoRepository);
}

TEST_F(Importing, CanBeCanceledUntilTheLastMoment) {
    last_call = [] { throw Error(Reason::Canceled, "at the last moment"); };
    EXPECT_EQ(refusal(dvd).reason(), Reason::Canceled);
    canceled = true;
    EXPECT_EQ(refusal(dvd).reason(), Reason::Canceled);
    burn();
    EXPECT_EQ(refusal(image).reason(), Reason::Canceled);
}

} // namespace rtnode::media
