#include "ostree/cpio.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rtnode::ostree {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 5> filters{{{"gzip", ARCHIVE_FILTER_GZIP},
                                                                   {"bzip2", ARCHIVE_FILTER_BZIP2},
                                                                   {"xz", ARCHIVE_FILTER_XZ},
                                                                   {"lzma", ARCHIVE_FILTER_LZMA},
                                                                   {"zstd", ARCHIVE_FILTER_ZSTD}}};

} // namespace

void CpioWriter::Free::operator()(struct archive* archive) const {
    archive_write_free(archive);
}

CpioWriter::CpioWriter(const std::filesystem::path& file, const std::string& compressor)
    : file_(file), archive_(archive_write_new()) {
    int filter = -1;
    for (const auto& [name, code] : filters)
        if (name == compressor) filter = code;
    if (filter < 0)
        throw fail(
            Reason::ForeignLayering,
            "the payload of the cached package '{}' would have to be compressed with {}, which rtnode can't; pass "
            "its RPM with this request",
            file.stem().string(), compressor);
    descriptor_ = open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor_ < 0) throw fail(Reason::CommitFailed, "cannot open '{}': {}", file.string(), strerror(errno));
    // The members are written here, byte by byte: libarchive's own cpio writer numbers inodes itself.
    check(archive_write_add_filter(archive_.get(), filter));
    static_cast<void>(archive_write_set_filter_option(archive_.get(), nullptr, "compression-level", "1"));
    check(archive_write_set_format_raw(archive_.get()));
    archive_write_set_bytes_per_block(archive_.get(), 0);
    check(archive_write_open_fd(archive_.get(), descriptor_));
    struct archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, "payload");
    archive_entry_set_filetype(entry, AE_IFREG);
    const int begun = archive_write_header(archive_.get(), entry);
    archive_entry_free(entry);
    check(begun);
}

CpioWriter::~CpioWriter() {
    archive_.reset();
    if (descriptor_ >= 0) close(descriptor_);
}

void CpioWriter::check(long result) const {
    if (result >= ARCHIVE_WARN) return;
    throw fail(archive_errno(archive_.get()) == ENOSPC ? Reason::NoSpace : Reason::CommitFailed,
               "cannot write the payload of '{}': {}; free space below /sysroot and try again", file_.string(),
               archive_error_string(archive_.get()) ? archive_error_string(archive_.get()) : "?");
}

void CpioWriter::write(const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
        const auto count = archive_write_data(archive_.get(), bytes.data() + done, bytes.size() - done);
        check(static_cast<long>(count));
        done += static_cast<std::size_t>(count);
    }
    written_ += bytes.size();
}

void CpioWriter::add(const std::string& path, std::uint32_t mode, std::uint64_t inode, std::uint32_t links,
                     const std::string& content) {
    const auto padded = [&](std::string bytes) {
        bytes.resize(bytes.size() + (4 - bytes.size() % 4) % 4);
        return bytes;
    };
    // magic inode mode uid gid links mtime size device(2) rdevice(2) path size, checksum
    write(padded(fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
                             static_cast<std::uint32_t>(inode), mode, 0, 0, links, 0, content.size(), 0, 0, 0, 0,
                             path.size() + 1, 0) +
                 path + '\0'));
    write(padded(content));
}

void CpioWriter::finish() {
    add("TRAILER!!!", 0, 0, 1, "");
    check(archive_write_close(archive_.get()));
}

} // namespace rtnode::ostree
