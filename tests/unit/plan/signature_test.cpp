// Signatures of repository metadata, made by the real gpg.

#include "plan/signature.hpp"

#include "../fetch/temporary_folder.hpp"
#include "state/error.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace rtnode::plan {
namespace {

using testing::HasSubstr;

struct RepomdSignature : testing::TestWithParam<const char*> {
    TemporaryFolder folder;
    Repository repository;
    std::filesystem::path file = folder.write("repomd.xml", "<repomd/>"), signature = folder.path() / "repomd.xml.asc";

    void gpg(const std::string& arguments) const {
        const auto command = fmt::format("gpg --homedir {} --batch --quiet --passphrase '' {} >/dev/null 2>&1",
                                         folder.path().string(), arguments);
        ASSERT_EQ(std::system(command.c_str()), 0) << command;
    }
    void make_key(const std::string& name, const std::string& algorithm) {
        gpg(fmt::format("--quick-generate-key {} {} sign never", name, algorithm));
        gpg(fmt::format("--armor --output {0}/{1}.asc --export {1}", folder.path().string(), name));
    }
    void sign(const std::string& name, const std::string& options = "--armor") const {
        gpg(fmt::format("--yes {} --local-user {} --output {} --detach-sign {}", options, name, signature.string(),
                        file.string()));
    }
    void SetUp() override {
        repository.id = "a";
        repository.gpg_keys = {"file://" + (folder.path() / "keeper.asc").string()};
    }
    void TearDown() override { std::system(("gpgconf --homedir " + folder.path().string() + " --kill all").c_str()); }
    std::string refusal() const {
        try {
            verify_repomd_signature(file, signature, repository);
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::BadSignature);
            return error.what();
        }
        return "nothing was refused";
    }
};

TEST_P(RepomdSignature, IsGoodByAKeyOfTheRepositoryOverTheSameBytes) {
    make_key("keeper", GetParam());
    sign("keeper");
    EXPECT_EQ(refusal(), "nothing was refused");
    sign("keeper", "");
    EXPECT_EQ(refusal(), "nothing was refused") << "not armoured";
    folder.write("repomd.xml", "<repomd><data/></repomd>");
    EXPECT_THAT(refusal(), HasSubstr("was changed after signing"));
}

INSTANTIATE_TEST_SUITE_P(Of, RepomdSignature, testing::Values("rsa2048", "ed25519"));

TEST_F(RepomdSignature, IsBadByAnotherKey) {
    make_key("keeper", "ed25519");
    make_key("stranger", "ed25519");
    sign("stranger");
    EXPECT_THAT(refusal(), HasSubstr("isn't among the repository's keys"));
}

TEST_F(RepomdSignature, IsBadWithoutKeyOrWhenItIsNone) {
    folder.write("repomd.xml.asc", "no signature");
    EXPECT_THAT(refusal(), HasSubstr("can't be read"));
    repository.gpg_keys.clear();
    EXPECT_THAT(refusal(), HasSubstr("no key to check it with"));
    repository.gpg_keys = {folder.write("empty.asc", "no key")};
    EXPECT_THAT(refusal(), HasSubstr("no key to check it with"));
    make_key("keeper", "ed25519");
    repository.gpg_keys = {folder.path() / "keeper.asc"};
    EXPECT_THAT(refusal(), HasSubstr("no OpenPGP signature"));
}

} // namespace
} // namespace rtnode::plan
