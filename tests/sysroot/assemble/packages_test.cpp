// The node's own packages, read with the keys of its own RPM database.

#include "node.hpp"

using namespace rtnode;
using namespace rtnode::test;
using testing::ElementsAre;

namespace {

struct NodePackages : OnNode {
    rpm::DatabaseCopy database{base() / "usr/share/rpm", folder};
    rpm::Keyring keyring = rpm::Keyring::load(database.folder(), {});

    Reason refusal(const std::string& file) const {
        try {
            rpm::read_package(node() / file, file, keyring, {});
        } catch (const Error& error) {
            return error.reason();
        }
        return Reason::Internal;
    }
};

} // namespace

TEST_F(NodePackages, AreWhatTheirRepositorySays) {
    for (const auto* repository : {"repo", "repo2"})
        for (const auto& wanted : facts().at(repository)) {
            const auto file = wanted.at("file").get<std::string>();
            const auto read = rpm::read_package(node() / file, file, keyring, {});
            EXPECT_EQ(read.nevra.str(), wanted.at("nevra"));
            EXPECT_EQ(read.sha256, wanted.at("sha256"));
            EXPECT_EQ(read.size, wanted.at("size"));
            EXPECT_EQ(read.trust, Trust::signature);
            EXPECT_EQ(read.has_microcode(), read.nevra.name == "microcode_ctl") << file;
        }
}

TEST_F(NodePackages, AreRefusedWhenSomethingIsWrong) {
    const std::map<std::string, Reason> wrong{{"not-an-rpm", Reason::NotAPackage},
                                              {"empty", Reason::NotAPackage},
                                              {"truncated", Reason::DamagedPackage},
                                              {"truncated-header", Reason::DamagedPackage},
                                              {"payload-changed", Reason::DamagedPackage},
                                              {"unsigned", Reason::UnsignedPackage},
                                              {"signed-by-unknown-key", Reason::UnsignedPackage},
                                              {"signature-broken", Reason::BadSignature},
                                              {"wrong-arch", Reason::WrongArchitecture}};
    for (const auto& [name, reason] : wrong)
        EXPECT_EQ(dbus_name(refusal("bad/" + name + ".rpm")), dbus_name(reason)) << name;
}

TEST_F(NodePackages, OfTheKernelAreFoundByWhatTheyOwn) {
    const auto kver = facts().at("kernels").at("stock").at("kver").get<std::string>();
    EXPECT_THAT(rpm::owners_of_kernel(database.folder(), kver),
                ElementsAre("kernel-core", "kernel-modules", "kernel-modules-extra"));
}

TEST_F(NodePackages, OfTheBaseAreListed) {
    std::vector<std::string> packages;
    for (const auto& package : rpm::installed_packages(database.folder()))
        packages.push_back(package.nevra.str());
    EXPECT_EQ(packages, facts().at("base_packages").get<std::vector<std::string>>());
}
