#pragma once
// The keys of repositories (gpgkey). Those given as https URLs are imported once into our own keyring, a folder; each
// vouches for its own repository's packages and metadata only.

#include "fetch/downloader.hpp"
#include "rpm/keyring.hpp"
#include "state/package.hpp"
#include "state/request.hpp"
#include "worker/reporter.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::worker {

class RepositoryKeys {
  public:
    /// @param rpmdb a private copy of the base's, whose keys count for every repository
    RepositoryKeys(const WorkOrder& order, std::filesystem::path rpmdb, fetch::Downloader& downloader,
                   Reporter& reporter)
        : order_(order), rpmdb_(std::move(rpmdb)), downloader_(downloader), reporter_(reporter) {}

    /// Checks the signature of repomd.xml by the repository's own keys, as fetch::VerifySignature.
    /// @throws Error{BadSignature, RepositoryConfiguration, DownloadFailed}
    void verify(const std::filesystem::path& file, const std::filesystem::path& signature,
                const Repository& repository);

    /// Reads a package of the repository and checks it by the base's keys, the configuration's and the repository's.
    /// A signature by a key that isn't known makes the repository's key URLs be asked once more.
    /// @throws what rpm::read_package() throws; Error{RepositoryConfiguration}
    PackageFileOnDisk read(const std::filesystem::path& file, const Nevra& nevra, const Repository& repository,
                           bool digest_proven);

  private:
    struct Keys {
        std::vector<std::filesystem::path> files;
        std::optional<rpm::Keyring> keyring; ///< with those of the base and the configuration
    };
    Keys& of(const Repository& repository);
    const rpm::Keyring& keyring_of(const Repository& repository);
    std::vector<std::filesystem::path> files_of(const Repository& repository);
    bool import(const std::string& url, const Repository& repository);
    bool import_again(const Repository& repository);
    std::filesystem::path file_of(const std::string& url) const;

    const WorkOrder& order_;
    std::filesystem::path rpmdb_;
    fetch::Downloader& downloader_;
    Reporter& reporter_;
    std::map<std::string, Keys> keys_;        ///< by the repository's id
    std::map<std::string, bool> asked_again_; ///< by the repository's id
};

} // namespace rtnode::worker
