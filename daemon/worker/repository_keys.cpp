#include "worker/repository_keys.hpp"

#include "fetch/url.hpp"
#include "plan/signature.hpp"
#include "rpm/package_file.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"
#include "state/file_text.hpp"

#include <utility>

namespace fs = std::filesystem;

namespace rtnode::worker {
namespace {

constexpr std::uint64_t max_key = 1ULL << 20; // bytes; a distribution's has some kB

std::vector<rpm::PublicKey> keys_in(const fs::path& file) {
    return rpm::Keyring::load({}, {file}).keys();
}

std::string described(const std::vector<rpm::PublicKey>& keys) {
    std::vector<std::string> all;
    for (const auto& key : keys)
        all.push_back(key.user.empty() ? key.fingerprint : fmt::format("{} ({})", key.fingerprint, key.user));
    return fmt::format("{}", fmt::join(all, ", "));
}

bool is_url(const std::string& key) {
    return !fetch::origin_of(key).empty();
}

} // namespace

fs::path RepositoryKeys::file_of(const std::string& url) const {
    return order_.state_dir / "keys" / (sha256_of(url).substr(0, 32) + ".asc");
}

/// True when the URL gave keys, or others than before.
bool RepositoryKeys::import(const std::string& url, const Repository& repository) {
    const auto file = file_of(url), fresh = fs::path(file).replace_extension(".new");
    fetch::Download download;
    download.what = fmt::format("the key of repository '{}' (gpgkey at {})", repository.id, repository.defined_at);
    download.urls = {url};
    download.max_size = max_key;
    download.access = fetch::access_of(repository);
    downloader_.file(download, fresh);
    std::vector<rpm::PublicKey> keys;
    try {
        keys = keys_in(fresh);
    } catch (const Error&) {
        fs::remove(fresh);
        throw fail(Reason::RepositoryConfiguration, "{} at {} is no OpenPGP public key; correct gpgkey there",
                   download.what, fetch::redacted(url));
    }
    const bool known = fs::exists(file);
    if (known && file_text(file) == file_text(fresh)) {
        fs::remove(fresh);
        return false;
    }
    fs::rename(fresh, file);
    const auto line = fmt::format("{} key {} of repository '{}' from {}", known ? "Replaced" : "Imported",
                                  described(keys), repository.id, fetch::redacted(url));
    if (known)
        reporter_.warn(line);
    else
        reporter_.log(line);
    return true;
}

std::vector<fs::path> RepositoryKeys::files_of(const Repository& repository) {
    std::vector<fs::path> files;
    for (const auto& key : repository.gpg_keys) {
        if (!is_url(key)) {
            fs::path path(fetch::path_of_file_url(key).value_or(key));
            // The base's RPM database has the distribution's keys often enough.
            if (std::error_code error; fs::exists(path, error))
                files.push_back(std::move(path));
            else
                reporter_.warn(fmt::format("repository '{}' ({}): its gpgkey {} is not there", repository.id,
                                           repository.defined_at, path.string()));
            continue;
        }
        if (!fetch::is_secure(key) || !repository.ssl_verify) {
            reporter_.warn(fmt::format(
                "repository '{}' ({}): its gpgkey {} is passed over, because {}; put the key on the node and name it "
                "by its path",
                repository.id, repository.defined_at, fetch::redacted(key),
                repository.ssl_verify ? "anybody on the way may change what comes by http" : "sslverify is off"));
            continue;
        }
        if (!fs::exists(file_of(key))) {
            import(key, repository);
            asked_again_[repository.id] = true;
        }
        files.push_back(file_of(key));
    }
    return files;
}

RepositoryKeys::Keys& RepositoryKeys::of(const Repository& repository) {
    const auto found = keys_.find(repository.id);
    if (found != keys_.end()) return found->second;
    Keys keys{.files = files_of(repository), .keyring = {}};
    std::vector<rpm::PublicKey> all;
    for (const auto& file : keys.files)
        try {
            for (auto& key : keys_in(file))
                all.push_back(std::move(key));
        } catch (const Error& error) {
            throw fail(Reason::RepositoryConfiguration, "repository '{}': {}; correct gpgkey at {}", repository.id,
                       error.what(), repository.defined_at);
        }
    if (!all.empty()) reporter_.log(fmt::format("Keys of repository '{}': {}", repository.id, described(all)));
    return keys_.emplace(repository.id, std::move(keys)).first->second;
}

const rpm::Keyring& RepositoryKeys::keyring_of(const Repository& repository) {
    auto& keys = of(repository);
    if (!keys.keyring) {
        auto files = order_.gpg_keys;
        files.insert(files.end(), keys.files.begin(), keys.files.end());
        keys.keyring = rpm::Keyring::load(rpmdb_, files);
    }
    return *keys.keyring;
}

/// Once in a job: the keeper may sign with another key since.
bool RepositoryKeys::import_again(const Repository& repository) {
    if (std::exchange(asked_again_[repository.id], true)) return false;
    bool changed = false;
    for (const auto& key : repository.gpg_keys)
        if (fetch::is_secure(key) && repository.ssl_verify) changed = import(key, repository) || changed;
    if (changed) keys_.erase(repository.id);
    return changed;
}

void RepositoryKeys::verify(const fs::path& file, const fs::path& signature, const Repository& repository) {
    const auto check = [&] {
        auto local = repository;
        local.gpg_keys.clear();
        for (const auto& key : of(repository).files)
            local.gpg_keys.push_back(key.string());
        plan::verify_repomd_signature(file, signature, local);
    };
    try {
        check();
    } catch (const Error& error) {
        if (error.reason() != Reason::BadSignature || !import_again(repository)) throw;
        check();
    }
}

PackageFileOnDisk RepositoryKeys::read(const fs::path& file, const Nevra& nevra, const Repository& repository,
                                       bool digest_proven) {
    const auto read = [&] {
        return rpm::read_package(
            file, nevra.str(), keyring_of(repository),
            {.digest_proven = digest_proven, .allow_unsigned = order_.request.allow_unsigned || !repository.gpgcheck});
    };
    try {
        return read();
    } catch (const Error& error) {
        if (error.reason() != Reason::UnsignedPackage || !import_again(repository)) throw;
        return read();
    }
}

} // namespace rtnode::worker
