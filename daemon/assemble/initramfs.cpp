#include "assemble/initramfs.hpp"

#include "state/error.hpp"
#include "state/file_text.hpp"
#include "state/unique_fd.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

namespace rtnode::assemble {
namespace {

namespace fs = std::filesystem;

struct FreeReader {
    void operator()(archive* reader) const { archive_read_free(reader); }
};
struct FreeWriter {
    void operator()(archive* writer) const { archive_write_free(writer); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

Error unreadable(const fs::path& file, std::string_view why) {
    return fail(Reason::InitramfsFailed, "the initramfs '{}' can't be read: {}; the job's log has dracut's output",
                file.string(), why);
}

/// A file as memory.
class Mapped {
  public:
    explicit Mapped(const fs::path& file) {
        const UniqueFd opened(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        struct stat about {};
        if (!opened || fstat(opened.get(), &about) != 0) throw unreadable(file, std::strerror(errno));
        if (about.st_size == 0) throw unreadable(file, "it is empty");
        size_ = static_cast<std::size_t>(about.st_size);
        address_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, opened.get(), 0);
        if (address_ == MAP_FAILED) throw unreadable(file, std::strerror(errno));
    }
    ~Mapped() { munmap(address_, size_); }
    Mapped(const Mapped&) = delete;
    Mapped& operator=(const Mapped&) = delete;
    std::string_view bytes() const { return {static_cast<const char*>(address_), size_}; }

  private:
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

std::string plain(std::string_view path) {
    while (path.starts_with("./") || path.starts_with("/"))
        path.remove_prefix(path.front() == '/' ? 1 : 2);
    return std::string(path);
}

bool is_cpio(std::string_view bytes) {
    return bytes.starts_with("070701") || bytes.starts_with("070702");
}

/// The n-th 8-digit field of a newc header (cpio(5)).
std::size_t field(std::string_view header, std::size_t n) {
    std::size_t value = 0;
    const char* start = header.data() + 6 + 8 * n;
    if (std::from_chars(start, start + 8, value, 16).ptr != start + 8) return SIZE_MAX;
    return value;
}

/// Reads one uncompressed newc archive at `at`; @returns where it ends.
std::size_t read_early(std::string_view bytes, std::size_t at, Initramfs& into, const fs::path& file) {
    constexpr std::size_t header_size = 110;
    const auto aligned = [](std::size_t offset) { return (offset + 3) / 4 * 4; };
    for (;;) {
        if (at + header_size > bytes.size() || !is_cpio(bytes.substr(at)))
            throw unreadable(file, "its early archive is cut short");
        const auto header = bytes.substr(at, header_size);
        const auto mode = field(header, 1), size = field(header, 6), name_size = field(header, 11);
        const auto data = aligned(at + header_size + name_size);
        if (name_size == 0 || name_size > 4096 || size > bytes.size() || data + size > bytes.size())
            throw unreadable(file, "its early archive is damaged");
        const auto name = bytes.substr(at + header_size, name_size - 1);
        at = aligned(data + size);
        if (name == "TRAILER!!!") return at;
        if (S_ISREG(static_cast<mode_t>(mode))) into.early[plain(name)] = bytes.substr(data, size);
    }
}

/// Reads the compressed archive. @returns what libarchive says against it; empty when it was read to its end
std::string read_compressed(std::string_view bytes, std::set<std::string>& paths) {
    const std::unique_ptr<archive, FreeReader> reader{archive_read_new()};
    archive_read_support_filter_all(reader.get());
    archive_read_support_format_cpio(reader.get());
    if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
        return archive_error_string(reader.get());
    archive_entry* entry = nullptr;
    int result = ARCHIVE_OK;
    while ((result = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN)
        if (const char* path = archive_entry_pathname(entry)) paths.insert(plain(path));
    return result == ARCHIVE_EOF ? std::string() : archive_error_string(reader.get());
}

/// Where a small gzip archive behind at least four zeros begins (append_random_devices(), rpm-ostree's likewise). The
/// size of `bytes` when there is none.
std::size_t find_tail(std::string_view bytes) {
    constexpr std::size_t largest_tail = 4096; // bytes
    const auto window = bytes.size() > largest_tail ? bytes.size() - largest_tail : 0;
    const auto at = bytes.substr(window).rfind(std::string_view("\0\0\0\0\x1f\x8b\x08", 7));
    return at == std::string_view::npos ? bytes.size() : window + at + 4;
}

void read_main(std::string_view bytes, Initramfs& into, const fs::path& file) {
    const auto tail = find_tail(bytes);
    if (tail == bytes.size()) {
        if (const auto problem = read_compressed(bytes, into.main); !problem.empty()) throw unreadable(file, problem);
        return;
    }
    if (const auto problem = read_compressed(bytes.substr(tail), into.main); !problem.empty())
        throw unreadable(file, problem);
    // libarchive's zstd filter wants to end where the data does; of 4 to 7 zeros between, some may be the data's.
    std::string problem;
    for (std::size_t padding = 4; padding <= 7; ++padding) {
        if (padding > tail || bytes[tail - padding] != '\0') break;
        problem = read_compressed(bytes.substr(0, tail - padding), into.main);
        if (problem.empty()) return;
    }
    throw unreadable(file, problem);
}

struct MicrocodeFile {
    fs::path path;
    std::string content;
    bool required = false;
    bool found = false;
};

/// Regular files of a folder that dracut would take: all but signatures.
void collect(const fs::path& folder, bool required, std::vector<MicrocodeFile>& into) {
    std::error_code missing;
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder, missing))
        if (entry.path().extension() != ".asc" && fs::is_regular_file(entry.path())) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths)
        if (auto content = file_text(path); !content.empty())
            into.push_back({path, std::move(content), required, false});
}

/// All microcode files of a vendor in the tree: the ordinary folder's must be in the image, those of dracut's other
/// places and of RHEL's "caveats" (microcode_ctl's dracut module picks among them by kernel) may.
std::vector<MicrocodeFile> microcode_of(const fs::path& root, const std::string& kver, const char* vendor,
                                        bool one_host) {
    std::vector<MicrocodeFile> files;
    const auto firmware = root / "usr/lib/firmware";
    collect(firmware / vendor, !one_host, files);
    for (const auto& other : {firmware / "updates", firmware / "updates" / kver, firmware / kver})
        collect(other / vendor, false, files);
    std::error_code missing;
    for (const auto& caveat : fs::directory_iterator(root / "usr/share/microcode_ctl/ucode_with_caveats", missing))
        collect(caveat.path() / vendor, false, files);
    return files;
}

/// Takes `blob` apart into files, each used once. Longest match first: one file may begin as another does.
void take_apart(std::string_view blob, std::vector<MicrocodeFile>& files, const std::string& name) {
    std::size_t at = 0;
    while (at < blob.size()) {
        MicrocodeFile* best = nullptr;
        for (auto& file : files)
            if (!file.found && blob.substr(at).starts_with(file.content) &&
                (!best || file.content.size() > best->content.size() ||
                 (file.content.size() == best->content.size() && file.required && !best->required)))
                best = &file;
        if (!best)
            throw fail(Reason::MicrocodeMissing,
                       "the early microcode '{}' of the new initramfs holds, from byte {} on, something that is no "
                       "microcode file of the new tree; the initramfs was made from other files than the change's",
                       name, at);
        best->found = true;
        at += best->content.size();
    }
}

} // namespace

Initramfs read_initramfs(const fs::path& file) {
    const Mapped mapped(file);
    const auto bytes = mapped.bytes();
    Initramfs result;
    std::size_t at = 0;
    bool early_seen = false;
    for (;;) {
        while (at < bytes.size() && bytes[at] == '\0')
            ++at;
        if (at == bytes.size()) {
            if (!early_seen) throw unreadable(file, "it holds nothing but zeros");
            throw unreadable(file, "it ends after the early microcode");
        }
        // An uncompressed archive that nothing follows is the main one.
        if (!is_cpio(bytes.substr(at))) break;
        Initramfs early;
        const auto end = read_early(bytes, at, early, file);
        if (early.early.empty() || early.early.contains("init")) break;
        result.early.merge(early.early);
        at = end;
        early_seen = true;
    }
    read_main(bytes.substr(at), result, file);
    return result;
}

void check_initramfs(const Initramfs& initramfs, const std::string& kver) {
    const auto has = [&](auto matches) { return std::any_of(initramfs.main.begin(), initramfs.main.end(), matches); };
    if (!has([](const std::string& path) { return path.ends_with("/ostree-prepare-root"); }))
        throw fail(Reason::InitramfsFailed,
                   "the new initramfs has no ostree-prepare-root and could not find the deployment's root; does the "
                   "tree have dracut's ostree module? The job's log has dracut's output");
    const auto in_modules = [](const std::string& path, const std::string& rest) {
        return path.starts_with("lib/modules/" + rest) || path.starts_with("usr/lib/modules/" + rest);
    };
    if (!has([&](const std::string& path) { return in_modules(path, kver + "/"); }))
        throw fail(Reason::InitramfsFailed,
                   "the new initramfs has no modules of the kernel '{}'; the job's log has dracut's output", kver);
    for (const auto& path : initramfs.main)
        if (path.ends_with(".ko") || path.find(".ko.") != std::string::npos)
            if (in_modules(path, "") && !in_modules(path, kver + "/"))
                throw fail(Reason::InitramfsFailed,
                           "the new initramfs is for kernel '{}' and holds '{}' of another one", kver, path);
}

void check_microcode(const Initramfs& initramfs, const fs::path& root, const std::string& kver, bool one_host) {
    constexpr std::array<std::array<const char*, 2>, 2> vendors{
        {{"amd-ucode", "AuthenticAMD.bin"}, {"intel-ucode", "GenuineIntel.bin"}}};
    bool any = false, any_image = false;
    for (const auto& [folder, image] : vendors) {
        auto files = microcode_of(root, kver, folder, one_host);
        const auto name = std::string("kernel/x86/microcode/") + image;
        const auto found = initramfs.early.find(name);
        if (found != initramfs.early.end()) {
            any_image = true;
            take_apart(found->second, files, name);
        }
        for (const auto& file : files) {
            any = true;
            if (file.required && !file.found)
                throw fail(Reason::MicrocodeMissing,
                           "the new initramfs lacks the microcode '{}' of the new tree in '{}'; do the base's dracut "
                           "arguments switch early microcode off?",
                           file.path.lexically_relative(root).string(), name);
        }
    }
    if (one_host && any && !any_image)
        throw fail(Reason::MicrocodeMissing, "the new initramfs holds no early microcode at all; do the base's dracut "
                                             "arguments switch it off?");
}

void append_random_devices(const fs::path& file) {
    std::vector<char> buffer(64 * 1024);
    std::size_t used = 0;
    {
        const std::unique_ptr<archive, FreeWriter> writer{archive_write_new()};
        archive_write_set_format_cpio_newc(writer.get());
        archive_write_add_filter_gzip(writer.get());
        archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr); // equal input, equal output
        archive_write_set_bytes_per_block(writer.get(), 1);
        if (archive_write_open_memory(writer.get(), buffer.data(), buffer.size(), &used) != ARCHIVE_OK)
            throw unreadable(file, archive_error_string(writer.get()));
        const auto add = [&](const char* path, mode_t mode, unsigned minor) {
            const std::unique_ptr<archive_entry, FreeEntry> entry{archive_entry_new()};
            archive_entry_set_pathname(entry.get(), path);
            archive_entry_set_mode(entry.get(), mode);
            archive_entry_set_size(entry.get(), 0);
            archive_entry_set_mtime(entry.get(), 0, 0);
            if (S_ISCHR(mode)) {
                archive_entry_set_rdevmajor(entry.get(), 1);
                archive_entry_set_rdevminor(entry.get(), minor);
            }
            if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK)
                throw unreadable(file, archive_error_string(writer.get()));
        };
        add("dev", S_IFDIR | 0755, 0);
        add("dev/random", S_IFCHR | 0666, 8);
        add("dev/urandom", S_IFCHR | 0666, 9);
        archive_write_close(writer.get());
    }
    const auto size = fs::file_size(file);
    const std::string padding(4 + (4 - size % 4) % 4, '\0');
    std::ofstream out(file, std::ios::binary | std::ios::app);
    out.write(padding.data(), static_cast<std::streamsize>(padding.size()));
    out.write(buffer.data(), static_cast<std::streamsize>(used));
    out.close();
    if (!out)
        throw fail(Reason::NoSpace, "the initramfs '{}' could not be completed; free space and try again",
                   file.string());
}

} // namespace rtnode::assemble
