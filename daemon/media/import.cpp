#include "media/import.hpp"

#include "media/label.hpp"
#include "media/medium.hpp"
#include "media/names.hpp"
#include "media/rpm_md.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"
#include "state/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

namespace rtnode::media {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view index_name = "repodata/repomd.xml";
constexpr std::uint64_t reserve = 64 << 20;       ///< bytes that an import leaves free
constexpr std::uint64_t most_unproven = 16 << 20; ///< bytes of a file that no checksum vouches for

Error cannot_write(const fs::path& path, int error) {
    return fail(error == ENOSPC || error == EDQUOT ? Reason::NoSpace : Reason::Internal,
                "'{}' can't be written: {}; free space below {} and import again", path.string(), std::strerror(error),
                path.parent_path().string());
}

/// A folder of ours that goes with this object, with all that is in it.
class Staging {
  public:
    explicit Staging(fs::path path) : path_(std::move(path)) {
        std::error_code error;
        fs::remove_all(path_, error); // what a killed import left
        if (!error) fs::create_directories(path_, error);
        if (error) throw cannot_write(path_, error.value());
    }
    ~Staging() {
        std::error_code ignored; // the next import tries again
        fs::remove_all(path_, ignored);
    }
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

/// Up to 64 KiB.
std::string head_of(Content& content) {
    std::string head;
    std::array<char, 1 << 14> buffer{};
    for (std::size_t got = 0; head.size() < 4 * buffer.size() && (got = content.read(buffer)) > 0;)
        head.append(buffer.data(), got);
    return head;
}

struct Found {
    ImportedRepository repository;
    RepositoryIndex index;

    std::string at(const std::string& path) const {
        return repository.folder.empty() ? path : repository.folder + "/" + path;
    }
};

class Import {
  public:
    explicit Import(const ImportOrder& order)
        : order_(order), medium_(open_medium(order.source, order.canceled)), staging_(order.staging) {}

    Imported run() {
        order_.step("Checking metadata");
        find();
        read_indexes();
        const auto packages = list_packages();
        Imported result{.folder = order_.web_root / order_.name};
        for (const auto& found : found_)
            result.repositories.push_back(found.repository);
        if (order_.check_only) return result;
        order_.step("Copying packages");
        read_proven(packages);
        copy_keys();
        define_for_this_node();
        order_.step("Publishing " + order_.name);
        result.replaced = publish(result.folder);
        return result;
    }

  private:
    void find() {
        const auto title = title_of_medium();
        for (const auto& [path, size] : medium_->files()) {
            if (path != index_name && !path.ends_with("/" + std::string(index_name))) continue;
            Found found;
            auto& repository = found.repository;
            repository.folder =
                path.size() > index_name.size() ? path.substr(0, path.size() - index_name.size() - 1) : "";
            repository.id = id_for(repository.folder);
            repository.title = title;
            if (!repository.folder.empty()) repository.title += " - " + title_text(repository.folder);
            found_.push_back(std::move(found));
        }
        if (found_.empty())
            throw fail(Reason::NoRepository,
                       "'{}' has no rpm-md repository: no folder in it has {}; name the DVD image or the folder above "
                       "the repositories, or run createrepo_c there",
                       order_.source.string(), index_name);
    }

    std::string id_for(const std::string& folder) const {
        auto id = repository_id(order_.name, folder);
        while (std::ranges::any_of(found_, [&](const Found& found) { return found.repository.id == id; }))
            id += '_';
        return id;
    }

    std::string title_of_medium() {
        std::map<std::string, std::string> texts;
        medium_->read({".treeinfo", "media.repo"},
                      [&](const std::string& path, Content& content) { texts[path] = head_of(content); });
        const auto title = title_of(texts[".treeinfo"], texts["media.repo"]);
        return title.empty() ? order_.name : title;
    }

    /// repomd.xml of each, and then all that they name.
    void read_indexes() {
        std::set<std::string> indexes;
        for (const auto& found : found_)
            indexes.insert(found.at(std::string(index_name)));
        medium_->read(indexes, [&](const std::string& path, Content& content) { store(path, content, nullptr); });
        std::map<std::string, ProvenFile> files;
        for (auto& found : found_) {
            found.index = read_repomd(staging_.path() / found.at(std::string(index_name)));
            for (const auto& file : found.index.files)
                expect(found, file, files);
            // A signature of it, when there is one, is for those who ask for repo_gpgcheck.
            for (const auto* beside : {"repodata/repomd.xml.asc", "repodata/repomd.xml.key"})
                signatures_.insert(found.at(beside));
        }
        read_proven(files);
        copy_armored(signatures_);
    }

    std::map<std::string, ProvenFile> list_packages() {
        std::map<std::string, ProvenFile> packages;
        std::uint64_t all = 0;
        for (auto& found : found_) {
            auto& repository = found.repository;
            for (const auto& package : read_primary(staging_.path() / found.at(found.index.primary.path))) {
                expect(found, package, packages);
                ++repository.packages;
                repository.bytes += medium_->files().at(found.at(package.path));
            }
            all += repository.bytes;
        }
        struct statvfs space {};
        if (statvfs(staging_.path().c_str(), &space) != 0) throw cannot_write(staging_.path(), errno);
        const auto free = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
        if (!order_.check_only && free < all + reserve)
            throw fail(Reason::NoSpace,
                       "{} has {:.1f} MB free, and the packages of '{}' need {:.1f} MB; free space there",
                       order_.web_root.string(), static_cast<double>(free) / 1e6, order_.source.string(),
                       static_cast<double>(all + reserve) / 1e6);
        total_ = all;
        return packages;
    }

    /// Notes what is to be read, when it is there with the size that metadata says.
    void expect(const Found& found, const ProvenFile& file, std::map<std::string, ProvenFile>& to) {
        const auto path = found.at(file.path);
        const auto there = medium_->files().find(path);
        if (there == medium_->files().end())
            throw fail(
                Reason::RepositoryMetadata,
                "the repository '{}' of '{}' names '{}', which is not there; get a whole copy (an ISO image needs "
                "Rock Ridge or Joliet for such names)",
                found.repository.folder, order_.source.string(), file.path);
        if (file.size && *file.size != there->second) throw mismatch(path, "size", there->second, *file.size);
        const auto [known, fresh] = proven_.emplace(path, file);
        if (fresh)
            to.emplace(path, file);
        else if (known->second.checksum_type != file.checksum_type || known->second.checksum != file.checksum)
            throw fail(Reason::RepositoryMetadata,
                       "the metadata of '{}' name '{}' twice, with two checksums; get a whole copy, or run "
                       "createrepo_c on its repositories",
                       order_.source.string(), path);
    }

    template <typename T>
    Error mismatch(const std::string& path, const std::string& what, const T& is, const T& expected) const {
        return fail(
            Reason::DigestMismatch,
            "'{}' in '{}' has the {} {}, and its repository's metadata says {}; the copy is damaged: get another", path,
            order_.source.string(), what, is, expected);
    }

    void read_proven(const std::map<std::string, ProvenFile>& files) {
        std::set<std::string> wanted;
        for (const auto& [path, file] : files)
            wanted.insert(path);
        std::size_t got = 0;
        medium_->read(wanted, [&](const std::string& path, Content& content) {
            store(path, content, &files.at(path));
            ++got;
        });
        if (got != files.size()) throw changed();
    }

    Error changed() const {
        return fail(Reason::UnreadableMedium, "'{}' changed while it was read; nothing was imported",
                    order_.source.string());
    }

    /// Writes it below the staging folder. @param proven null: nothing vouches for it
    void store(const std::string& path, Content& content, const ProvenFile* proven) {
        const auto size = medium_->files().at(path);
        if (proven == nullptr && size > most_unproven)
            throw fail(Reason::UnreadableMedium, "'{}' in '{}' has {} bytes; such files are never that large", path,
                       order_.source.string(), size);
        const auto target = staging_.path() / path;
        std::error_code error;
        fs::create_directories(target.parent_path(), error);
        if (error) throw cannot_write(target, error.value());
        const UniqueFd file(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
        if (!file) throw cannot_write(target, errno);
        Digest digest(proven == nullptr ? "sha256" : proven->checksum_type);
        std::vector<char> buffer(1 << 18);
        std::uint64_t all = 0;
        for (std::size_t got = 0; (got = content.read(buffer)) > 0;) {
            if ((all += got) > size) throw changed();
            digest.update(std::string_view(buffer.data(), got));
            for (std::size_t done = 0; done < got;) {
                const auto wrote = ::write(file.get(), buffer.data() + done, got - done);
                if (wrote < 0 && errno == EINTR) continue;
                if (wrote < 0) throw cannot_write(target, errno);
                done += static_cast<std::size_t>(wrote);
            }
            copied_ += got;
            if (total_ > 0) order_.progress(std::min(1.0, static_cast<double>(copied_) / static_cast<double>(total_)));
        }
        if (const auto hex = digest.hex(); proven != nullptr && hex != proven->checksum)
            throw mismatch(path, proven->checksum_type, hex, proven->checksum);
    }

    /// Keys lie beside the packages for who wants to look at them; nobody trusts them for that.
    void copy_keys() {
        std::set<std::string> keys;
        for (const auto& [path, size] : medium_->files())
            if (path.starts_with("RPM-GPG-KEY") && path.find('/') == std::string::npos && size < (1 << 20))
                keys.insert(path);
        copy_armored(keys);
    }

    /// Keys and signatures. They are for everybody to read, so nothing else may pass for one.
    void copy_armored(const std::set<std::string>& files) {
        std::set<std::string> armored;
        medium_->read(files, [&](const std::string& path, Content& content) {
            const auto head = head_of(content); // Red Hat's begin with some words
            const bool is_armored = head.find("-----BEGIN PGP PUBLIC KEY BLOCK-----") != std::string::npos ||
                                    head.find("-----BEGIN PGP SIGNATURE-----") != std::string::npos;
            if (is_armored && !proven_.contains(path)) armored.insert(path);
        });
        medium_->read(armored, [&](const std::string& path, Content& content) { store(path, content, nullptr); });
    }

    void define_for_this_node() {
        const auto target = staging_.path() / ".local.repo";
        std::ofstream file(target);
        file << "# Made by rtnode for this node alone: other nodes take the same folders from its web server.\n";
        for (const auto& found : found_) {
            const auto& repository = found.repository;
            file << fmt::format("[{}]\nname={}\nbaseurl={}\nenabled=1\ngpgcheck=1\n", repository.id, repository.title,
                                url_of(order_.web_root / order_.name / repository.folder));
        }
        if (!file.flush()) throw cannot_write(target, errno);
    }

    /// @return whether it replaced another
    bool publish(const fs::path& place) {
        fs::permissions(staging_.path(), fs::perms(0755));
        const UniqueFd folder(::open(staging_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        // On disk before it has its name.
        if (!folder || ::syncfs(folder.get()) != 0) throw cannot_write(staging_.path(), errno);
        order_.last_call();
        const auto rename = [&](unsigned flags) {
            return ::renameat2(AT_FDCWD, staging_.path().c_str(), AT_FDCWD, place.c_str(), flags) == 0;
        };
        if (rename(RENAME_NOREPLACE)) return false;
        // Exchanged, and then the old one goes with the staging folder.
        if (errno == EEXIST && rename(RENAME_EXCHANGE)) return true;
        throw cannot_write(place, errno);
    }

    const ImportOrder& order_;
    std::unique_ptr<Medium> medium_;
    Staging staging_;
    std::vector<Found> found_;
    std::set<std::string> signatures_;
    std::map<std::string, ProvenFile> proven_; ///< all that metadata vouch for
    std::uint64_t copied_ = 0, total_ = 0;
};

} // namespace

Imported import_medium(const ImportOrder& order) {
    const WebContentLabel label;
    std::error_code error;
    fs::create_directories(order.web_root, error);
    if (error) throw cannot_write(order.web_root, error.value());
    auto result = Import(order).run();
    result.labelled = label.active();
    return result;
}

} // namespace rtnode::media
