#include "media/medium.hpp"

#include "fetch/local.hpp"
#include "media/archive.hpp"
#include "state/error.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace rtnode::media {
namespace {

namespace fs = std::filesystem;
using Canceled = std::function<bool()>;

constexpr std::size_t most_files = 1'000'000; ///< a DVD has 10,000
constexpr std::size_t block = 1 << 18;

void check_canceled(const Canceled& canceled) {
    if (canceled()) throw Error(Reason::Canceled, "the job was canceled; nothing was imported");
}

void check_count(const std::map<std::string, std::uint64_t>& files, const fs::path& source) {
    if (files.size() > most_files)
        throw fail(Reason::UnreadableMedium, "'{}' has more than {} files; name the folder of the repositories itself",
                   source.string(), most_files);
}

/// "./a/b" and "a/b/" as "a/b"; empty for what leads out.
std::string plain(const char* name) {
    if (name == nullptr) return {};
    const auto path = fs::path(name).lexically_normal();
    if (path.is_absolute() || path.empty() || *path.begin() == ".." || path == ".") return {};
    auto text = path.string();
    if (text.ends_with('/')) text.pop_back();
    return text;
}

class Image final : public Medium {
  public:
    Image(fs::path path, Canceled canceled)
        : path_(std::move(path)), canceled_(std::move(canceled)), file_(fetch::open_regular(path_)) {
        walk([this](archive_entry* entry, archive*) {
            const auto name = plain(archive_entry_pathname(entry));
            if (name.empty()) return;
            // Files that share their extents: the first has the content, the others say which one that is.
            if (const auto target = plain(archive_entry_hardlink(entry)); !target.empty()) {
                targets_[name] = target;
                files_[name] = files_[target];
            } else if (archive_entry_filetype(entry) == AE_IFREG) {
                files_[name] = static_cast<std::uint64_t>(archive_entry_size(entry));
            }
            check_count(files_, path_);
        });
    }

    void read(std::set<std::string> wanted, const std::function<void(const std::string&, Content&)>& use) override {
        while (!wanted.empty()) {
            // One name for each content a time; nearly always that is all.
            std::map<std::string, std::string> names; // where the content stands → the name wanted
            for (const auto& name : wanted)
                if (const auto target = targets_.find(name); files_.contains(name))
                    names.emplace(target == targets_.end() ? name : target->second, name);
            if (names.empty()) return;
            for (const auto& [target, name] : names)
                wanted.erase(name);
            walk([&](archive_entry* entry, archive* reader) {
                if (archive_entry_hardlink(entry) != nullptr) return;
                const auto found = names.find(plain(archive_entry_pathname(entry)));
                if (found == names.end()) return;
                Bytes content(*this, reader, found->second);
                use(found->second, content);
                names.erase(found);
            });
        }
    }

  private:
    struct Bytes final : Content {
        Bytes(const Image& image, archive* reader, const std::string& name)
            : image_(image), reader_(reader), name_(name) {}
        std::size_t read(std::span<char> buffer) override {
            check_canceled(image_.canceled_);
            const auto got = archive_read_data(reader_, buffer.data(), buffer.size());
            if (got < 0) throw image_.unreadable(fmt::format("'{}' in it can't be read", name_), reader_);
            return static_cast<std::size_t>(got);
        }
        const Image& image_;
        archive* reader_;
        const std::string& name_;
    };

    Error unreadable(const std::string& what, archive* reader) const {
        const char* why = archive_error_string(reader);
        return fail(Reason::UnreadableMedium,
                    "'{}': {}: {}; if it was downloaded, compare its checksum with the one that its vendor names",
                    path_.string(), what, why == nullptr ? "it ends too early" : why);
    }

    void walk(const std::function<void(archive_entry*, archive*)>& visit) const {
        if (lseek(file_.get(), 0, SEEK_SET) != 0)
            throw fail(Reason::UnreadableMedium, "'{}' can't be read: {}", path_.string(), std::strerror(errno));
        const ArchivePtr reader(archive_read_new());
        // Rock Ridge names are used where the image has them, else Joliet's, else those of ISO 9660 itself.
        archive_read_support_format_iso9660(reader.get());
        if (archive_read_open_fd(reader.get(), file_.get(), block) != ARCHIVE_OK)
            throw unreadable("this is no ISO 9660 image", reader.get());
        for (;;) {
            check_canceled(canceled_);
            archive_entry* entry = nullptr;
            const int status = archive_read_next_header(reader.get(), &entry);
            if (status == ARCHIVE_EOF) return;
            if (status == ARCHIVE_RETRY) continue;
            if (status < ARCHIVE_WARN) throw unreadable("it is no whole ISO 9660 image", reader.get());
            visit(entry, reader.get());
        }
    }

    fs::path path_;
    Canceled canceled_;
    UniqueFd file_;
    std::map<std::string, std::string> targets_;
};

class Folder final : public Medium {
  public:
    Folder(fs::path path, Canceled canceled)
        : path_(std::move(path)), canceled_(std::move(canceled)),
          folder_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
        if (!folder_)
            throw fail(Reason::UnsafePath, "the folder '{}' can't be opened: {}", path_.string(), std::strerror(errno));
        std::error_code error;
        for (auto entry = fs::recursive_directory_iterator(path_, error); !error && entry != fs::end(entry);
             entry.increment(error)) {
            check_canceled(canceled_);
            std::error_code gone;
            if (entry->symlink_status(gone).type() == fs::file_type::regular && !gone)
                files_[entry->path().lexically_relative(path_).string()] = entry->file_size(gone);
            check_count(files_, path_);
        }
        if (error)
            throw fail(Reason::UnreadableMedium, "the folder '{}' can't be read: {}", path_.string(), error.message());
    }

    void read(std::set<std::string> wanted, const std::function<void(const std::string&, Content&)>& use) override {
        for (const auto& name : wanted) {
            if (!files_.contains(name)) continue;
            Bytes content(*this, name);
            use(name, content);
        }
    }

  private:
    struct Bytes final : Content {
        Bytes(const Folder& folder, const std::string& name) : folder_(folder), name_(name) {
            struct open_how how {};
            how.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
            // The folder may be somebody's who exchanges parts of it for links meanwhile.
            how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
            file_ =
                UniqueFd(static_cast<int>(syscall(SYS_openat2, folder.folder_.get(), name.c_str(), &how, sizeof how)));
            struct stat facts {};
            if (!file_ || fstat(file_.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
                throw fail(Reason::UnsafePath, "'{}' can't be opened: {}", (folder.path_ / name).string(),
                           file_ ? "it is no regular file" : std::strerror(errno));
        }
        std::size_t read(std::span<char> buffer) override {
            check_canceled(folder_.canceled_);
            for (;;) {
                const auto got = ::read(file_.get(), buffer.data(), buffer.size());
                if (got >= 0) return static_cast<std::size_t>(got);
                if (errno != EINTR)
                    throw fail(Reason::UnreadableMedium, "'{}' can't be read: {}", (folder_.path_ / name_).string(),
                               std::strerror(errno));
                check_canceled(folder_.canceled_);
            }
        }
        const Folder& folder_;
        const std::string& name_;
        UniqueFd file_;
    };

    fs::path path_;
    Canceled canceled_;
    UniqueFd folder_;
};

} // namespace

std::unique_ptr<Medium> open_medium(const fs::path& source, const Canceled& canceled) {
    auto path = source.lexically_normal();
    if (!path.has_filename()) path = path.parent_path(); // "link/" would be followed
    struct stat facts {};
    if (path.is_absolute() && lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode))
        return std::make_unique<Folder>(std::move(path), canceled);
    return std::make_unique<Image>(std::move(path), canceled); // which refuses all but regular files
}

} // namespace rtnode::media
