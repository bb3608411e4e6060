#include "fetch/metadata.hpp"

#include "fetch/cache_file.hpp"
#include "fetch/repomd.hpp"
#include "state/error.hpp"
#include "state/sha256.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <set>

namespace rtnode::fetch {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t max_repomd = 16ULL << 20;  // bytes; a distribution's has some 10 kB
constexpr std::uint64_t max_metadata = 2ULL << 30; // bytes, when repomd.xml states no size

std::string described(const Repository& repository) {
    return repository.defined_at.empty()
               ? fmt::format("repository '{}'", repository.id)
               : fmt::format("repository '{}' (defined at {})", repository.id, repository.defined_at);
}

/// A folder for each repository and set of URLs: another URL under the same id must not meet the old files.
fs::path folder_of(const Downloader& downloader, const Repository& repository) {
    std::string safe, urls;
    for (const char c : repository.id)
        safe += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ? c : '_';
    for (const auto& url : repository.base_urls)
        urls += url + '\n';
    return downloader.cache_dir() / "repositories" / fmt::format("{}-{}", safe, sha256_of(urls).substr(0, 16));
}

Download download_of(const Repository& repository, const std::string& file, const std::string& location) {
    Download download;
    download.what = fmt::format("{}: {}", described(repository), file);
    for (const auto& base : repository.base_urls)
        download.urls.push_back(joined(base, location));
    download.tls = tls_of(repository);
    return download;
}

/// Fetches what repomd.xml names, unless the right file is there already.
fs::path fetch_data(Downloader& downloader, const Repository& repository, const fs::path& folder,
                    const std::string& type, const MetadataFile& data) {
    // libsolv chooses the decompressor by the end of the name.
    const auto path = data.location.substr(0, data.location.find_first_of("?#"));
    static constexpr std::array<std::string_view, 5> known{".xml.gz", ".xml.xz", ".xml.zst", ".xml.bz2", ".xml"};
    const auto end = std::find_if(known.begin(), known.end(), [&](auto ending) { return path.ends_with(ending); });
    if (end == known.end())
        throw fail(Reason::RepositoryMetadata,
                   "{}: its {} metadata '{}' has an unknown compression; gz, xz, zst and "
                   "bz2 can be read, so have the repository made with one of them",
                   described(repository), type, redacted(data.location));
    const auto target = folder / fmt::format("{}-{}{}", type, data.checksum.hex, *end);
    auto download = download_of(repository, type + " metadata", data.location);
    download.size = data.size;
    download.max_size = max_metadata;
    download.checksum = data.checksum;
    try {
        if (!has_checksum(target, data)) downloader.file(download, target);
    } catch (const Error& error) {
        if (error.reason() != Reason::DigestMismatch) throw;
        throw Error(Reason::RepositoryMetadata, error.what());
    }
    return target;
}

struct Cached {
    Validators validators;
    static fs::path path(const fs::path& folder) { return folder / "validators.json"; }

    static Cached load(const fs::path& folder) {
        std::ifstream stream(path(folder));
        const auto json = nlohmann::json::parse(stream, nullptr, false);
        // A cache that can't be read costs a request, no more.
        if (!json.is_object() || !fs::is_regular_file(folder / "repomd.xml")) return {};
        return {{json.value("etag", ""), json.value("last-modified", "")}};
    }
    void store(const fs::path& folder) const {
        const auto text = nlohmann::json{{"etag", validators.etag}, {"last-modified", validators.last_modified}}.dump();
        CacheFile file(folder);
        file.write(text);
        file.publish(path(folder));
    }
};

/// repomd.xml and, when wanted, its signature. True when the signature was verified.
bool fetch_index(Downloader& downloader, const Repository& repository, const fs::path& folder,
                 const VerifySignature& verify) {
    const auto index = folder / "repomd.xml", signature = folder / "repomd.xml.asc";
    for (bool conditional : {true, false}) {
        auto cached = conditional ? Cached::load(folder) : Cached{};
        auto download = download_of(repository, "repomd.xml", "repodata/repomd.xml");
        download.max_size = max_repomd;
        const bool changed = downloader.file_if_changed(download, index, cached.validators).has_value();
        if (changed) cached.store(folder);
        if (!repository.repo_gpgcheck) return false;
        if (changed || !fs::exists(signature)) {
            auto of_signature =
                download_of(repository, "repomd.xml.asc (repo_gpgcheck is set)", "repodata/repomd.xml.asc");
            of_signature.max_size = max_repomd;
            downloader.file(of_signature, signature);
        }
        try {
            if (!verify) throw fail(Reason::Internal, "nothing was given to verify repomd.xml's signature with");
            verify(index, signature, repository);
            return true;
        } catch (const Error& error) {
            // The cached pair may be of two revisions, when the last job ended between them: once more, afresh.
            if (error.reason() == Reason::BadSignature && !changed) continue;
            if (error.reason() == Reason::BadSignature)
                throw fail(Reason::BadSignature, "{}: {}", described(repository), error.what());
            throw;
        }
    }
    throw fail(Reason::BadSignature,
               "{}: the server says that repomd.xml didn't change, but its signature isn't "
               "valid; ask the repository's keeper",
               described(repository));
}

void remove_others(const fs::path& folder, const std::set<fs::path>& kept) {
    for (const auto& entry : fs::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        const bool data = name.starts_with("primary-") || name.starts_with("filelists-");
        std::error_code ignored; // what can't be removed costs space, no more
        if (data && !kept.contains(entry.path())) fs::remove(entry.path(), ignored);
    }
}

} // namespace

std::optional<RepositoryFiles> fetch_metadata(Downloader& downloader, const Repository& repository,
                                              const VerifySignature& verify, std::vector<std::string>& warnings) {
    if (repository.base_urls.empty())
        throw fail(Reason::RepositoryConfiguration, "{} has no baseurl; give it one, or disable it",
                   described(repository));
    const auto folder = folder_of(downloader, repository);
    try {
        RepositoryFiles files;
        files.id = repository.id;
        files.signature_verified = fetch_index(downloader, repository, folder, verify);
        files.repomd = folder / "repomd.xml";
        try {
            files.index = parse_repomd(files.repomd);
        } catch (const Error& error) {
            throw fail(Reason::RepositoryMetadata, "{}: {}; check that its baseurl is right, or ask its keeper",
                       described(repository), error.what());
        }
        files.repomd_sha256 = sha256_of_file(files.repomd);
        files.primary = fetch_data(downloader, repository, folder, "primary", *files.index.primary);
        std::set<fs::path> kept{files.primary};
        for (const auto& entry : fs::directory_iterator(folder))
            if (files.index.filelists &&
                entry.path().filename().string().starts_with("filelists-" + files.index.filelists->checksum.hex))
                kept.insert(entry.path());
        remove_others(folder, kept);
        return files;
    } catch (const Error& error) {
        const bool unavailable =
            error.reason() == Reason::DownloadFailed || error.reason() == Reason::RepositoryMetadata;
        if (!repository.skip_if_unavailable || !unavailable) throw;
        warnings.push_back(
            fmt::format("{} is left out (skip_if_unavailable): {}", described(repository), error.what()));
        return std::nullopt;
    }
}

void fetch_filelists(Downloader& downloader, const Repository& repository, RepositoryFiles& files) {
    if (files.filelists || !files.index.filelists) return;
    files.filelists =
        fetch_data(downloader, repository, folder_of(downloader, repository), "filelists", *files.index.filelists);
}

} // namespace rtnode::fetch
