#include "fetch/metadata.hpp"

#include "fetch/cache_file.hpp"
#include "fetch/mirrors.hpp"
#include "fetch/repomd.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <fstream>
#include <set>

namespace rtnode::fetch {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t max_repomd = 16ULL << 20;  // bytes; a distribution's has some 10 kB
constexpr std::uint64_t max_mirrors = 4ULL << 20;  // bytes
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
    // So that files of a repository without mirrors stay where they were.
    for (const auto& url : {repository.metalink, repository.mirrorlist})
        if (!url.empty()) urls += "list " + url + '\n';
    return downloader.cache_dir() / "repositories" / fmt::format("{}-{}", safe, sha256_of(urls).substr(0, 16));
}

Download download_of(const Repository& repository, const std::vector<std::string>& base_urls, const std::string& file,
                     const std::string& location) {
    Download download;
    download.what = fmt::format("{}: {}", described(repository), file);
    for (const auto& base : base_urls)
        download.urls.push_back(joined(base, location));
    download.access = access_of(repository);
    return download;
}

/// Fetches what repomd.xml names, unless the right file is there already.
fs::path fetch_data(Downloader& downloader, const Repository& repository, const RepositoryFiles& files,
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
    const auto target = files.repomd.parent_path() / fmt::format("{}-{}{}", type, data.checksum.hex, *end);
    auto download = download_of(repository, files.base_urls, type + " metadata", data.location);
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

/// What is remembered of the last look at the server.
struct LastLook {
    Validators validators;
    std::int64_t time = 0; ///< s since the epoch

    static fs::path path(const fs::path& folder) { return folder / "last-look.json"; }

    static LastLook load(const fs::path& folder) {
        std::ifstream stream(path(folder));
        const auto json = nlohmann::json::parse(stream, nullptr, false);
        // A cache that can't be read costs a request, no more.
        if (!json.is_object() || !fs::is_regular_file(folder / "repomd.xml")) return {};
        try {
            return {{json.value("etag", ""), json.value("last-modified", "")}, json.value("time", std::int64_t{0})};
        } catch (const nlohmann::json::exception&) {
            return {};
        }
    }
    void store(const fs::path& folder) const {
        const auto text = nlohmann::json{
            {"etag", validators.etag},
            {"last-modified", validators.last_modified},
            {"time", time}}.dump();
        CacheFile file(folder);
        file.write(text);
        file.publish(path(folder));
    }
};

std::int64_t now_s() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// Whether what is there may be used unasked (metadata_expire).
bool is_fresh(const Repository& repository, const fs::path& folder) {
    const auto age = now_s() - LastLook::load(folder).time;
    if (!fs::is_regular_file(folder / "repomd.xml") || repository.metadata_expire_s == 0) return false;
    return repository.metadata_expire_s < 0 || (age >= 0 && age < repository.metadata_expire_s);
}

Mirrors find_mirrors(Downloader& downloader, const Repository& repository, const fs::path& folder, bool fresh) {
    const bool is_metalink = !repository.metalink.empty();
    const auto& url = is_metalink ? repository.metalink : repository.mirrorlist;
    if (url.empty()) return {repository.base_urls, {}, {}};
    const auto list = folder / "mirrors";
    if (!fresh || !fs::is_regular_file(list)) {
        Download download;
        download.what = fmt::format("{}: its {}", described(repository), is_metalink ? "metalink" : "mirrorlist");
        download.urls = {url};
        download.max_size = max_mirrors;
        download.access = access_of(repository);
        downloader.file(download, list);
    }
    std::ifstream stream(list, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    try {
        return is_metalink ? parse_metalink(text, url) : parse_mirrorlist(text, url);
    } catch (const Error& error) {
        throw fail(Reason::RepositoryMetadata, "{}: {}; ask its keeper", described(repository), error.what());
    }
}

/// The mirror that gave one file comes first for the next: others may have another revision.
void prefer(std::vector<std::string>& base_urls, const std::string& shown_url, const std::string& location) {
    const auto gave = std::ranges::find_if(
        base_urls, [&](const std::string& base) { return redacted(joined(base, location)) == shown_url; });
    if (gave != base_urls.end()) std::rotate(base_urls.begin(), gave, gave + 1);
}

constexpr const char* index_location = "repodata/repomd.xml";

/// repomd.xml. True when another one came.
bool fetch_index(Downloader& downloader, const Repository& repository, const Mirrors& mirrors, RepositoryFiles& files,
                 bool conditional) {
    const auto folder = files.repomd.parent_path();
    auto download = download_of(repository, files.base_urls, "repomd.xml", index_location);
    download.max_size = max_repomd;
    auto look = conditional ? LastLook::load(folder) : LastLook{};
    look.time = now_s();
    std::optional<CachedFile> fetched;
    if (mirrors.repomd) {
        if (!conditional || !has_checksum(files.repomd, {{}, *mirrors.repomd, {}, 0})) {
            download.checksum = mirrors.repomd;
            download.also_accepted = mirrors.older_repomds;
            fetched = downloader.file(download, files.repomd);
        }
        look.validators = {};
    } else {
        fetched = downloader.file_if_changed(download, files.repomd, look.validators);
    }
    if (fetched) prefer(files.base_urls, fetched->url, index_location);
    look.store(folder);
    return fetched.has_value();
}

/// The same and, when wanted, its signature, which sets signature_verified.
void fetch_signed_index(Downloader& downloader, const Repository& repository, const Mirrors& mirrors,
                        const VerifySignature& verify, RepositoryFiles& files, bool fresh) {
    const auto signature = files.repomd.parent_path() / "repomd.xml.asc";
    for (const bool conditional : {true, false}) {
        const bool unasked = fresh && conditional;
        const bool changed = !unasked && fetch_index(downloader, repository, mirrors, files, conditional);
        if (!repository.repo_gpgcheck) return;
        if (changed || !fs::exists(signature)) {
            auto download = download_of(repository, files.base_urls, "repomd.xml.asc (repo_gpgcheck is set)",
                                        "repodata/repomd.xml.asc");
            download.max_size = max_repomd;
            downloader.file(download, signature);
        }
        try {
            if (!verify) throw fail(Reason::Internal, "nothing was given to verify repomd.xml's signature with");
            verify(files.repomd, signature, repository);
            files.signature_verified = true;
            return;
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

RepositoryFiles fetch_files(Downloader& downloader, const Repository& repository, const VerifySignature& verify,
                            const fs::path& folder, bool fresh) {
    const auto mirrors = find_mirrors(downloader, repository, folder, fresh);
    RepositoryFiles files;
    files.id = repository.id;
    files.base_urls = mirrors.base_urls;
    files.repomd = folder / "repomd.xml";
    try {
        fetch_signed_index(downloader, repository, mirrors, verify, files, fresh);
    } catch (const Error& error) {
        if (error.reason() != Reason::DigestMismatch) throw; // of the metalink
        throw Error(Reason::RepositoryMetadata, error.what());
    }
    try {
        files.index = parse_repomd(files.repomd);
    } catch (const Error& error) {
        throw fail(Reason::RepositoryMetadata, "{}: {}; check that its baseurl is right, or ask its keeper",
                   described(repository), error.what());
    }
    files.repomd_sha256 = sha256_of_file(files.repomd);
    files.primary = fetch_data(downloader, repository, files, "primary", *files.index.primary);
    std::set<fs::path> kept{files.primary};
    for (const auto& entry : fs::directory_iterator(folder))
        if (files.index.filelists &&
            entry.path().filename().string().starts_with("filelists-" + files.index.filelists->checksum.hex))
            kept.insert(entry.path());
    remove_others(folder, kept);
    return files;
}

bool is_unavailable(const Error& error) {
    return error.reason() == Reason::DownloadFailed || error.reason() == Reason::RepositoryMetadata ||
           error.reason() == Reason::RepositoryConfiguration;
}

} // namespace

std::optional<RepositoryFiles> fetch_metadata(Downloader& downloader, const Repository& repository,
                                              const VerifySignature& verify, std::vector<std::string>& warnings) {
    try {
        if (!repository.defect.empty())
            throw fail(Reason::RepositoryConfiguration,
                       "repository '{}' can't be used as it is written: {}; correct "
                       "that, or disable it",
                       repository.id, repository.defect);
        if (repository.base_urls.empty() && repository.metalink.empty() && repository.mirrorlist.empty())
            throw fail(Reason::RepositoryConfiguration, "{} has no baseurl; give it one, or disable it",
                       described(repository));
        const auto folder = folder_of(downloader, repository);
        if (is_fresh(repository, folder)) try {
                return fetch_files(downloader, repository, verify, folder, true);
            } catch (const Error& error) {
                // The server may have something newer by now, and no longer what we know.
                if (!is_unavailable(error)) throw;
            }
        return fetch_files(downloader, repository, verify, folder, false);
    } catch (const Error& error) {
        if (!repository.skip_if_unavailable || !is_unavailable(error)) throw;
        warnings.push_back(
            fmt::format("{} is left out (skip_if_unavailable): {}", described(repository), error.what()));
        return std::nullopt;
    }
}

void fetch_filelists(Downloader& downloader, const Repository& repository, RepositoryFiles& files) {
    if (files.filelists || !files.index.filelists) return;
    files.filelists = fetch_data(downloader, repository, files, "filelists", *files.index.filelists);
}

} // namespace rtnode::fetch
