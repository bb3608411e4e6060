#include "ostree/payload.hpp"

#include "ostree/handles.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <linux/capability.h>
#include <map>
#include <memory>
#include <sys/capability.h>
#include <sys/stat.h>

namespace rtnode::ostree {
namespace {

using ArchivePtr = std::unique_ptr<struct archive, Deleter<archive_read_free>>;

std::string digest_of(const std::string& content, GChecksumType type) {
    const GStr hex(g_compute_checksum_for_data(type, reinterpret_cast<const guchar*>(content.data()), content.size()));
    return hex.get();
}

[[noreturn]] void damaged(const PackageFileOnDisk& package, std::string_view why) {
    throw fail(Reason::DamagedPackage, "cannot unpack '{}': {}; remove the file and ask again", package.path.string(),
               why);
}

} // namespace

std::optional<GChecksumType> digest_type(unsigned algorithm) {
    switch (algorithm) {
    case 1:
        return G_CHECKSUM_MD5;
    case 2:
        return G_CHECKSUM_SHA1;
    case 8:
        return G_CHECKSUM_SHA256;
    case 9:
        return G_CHECKSUM_SHA384;
    case 10:
        return G_CHECKSUM_SHA512;
    default:
        return std::nullopt;
    }
}

void unpack(const PackageFileOnDisk& package, const std::vector<const PackageFile*>& wanted,
            const std::function<void(const PackageFile&, const std::string&)>& use) {
    // By digest, since hard links share one content that the archive holds once, with the last of their names.
    std::multimap<std::string, const PackageFile*> by_digest;
    for (const auto* file : wanted) {
        if (file->size == 0)
            use(*file, "");
        else
            by_digest.emplace(file->digest, file);
    }
    if (by_digest.empty()) return;
    std::map<std::string, const PackageFile*> by_path;
    for (const auto& file : package.files)
        by_path.emplace(file.path, &file);

    const ArchivePtr archive(archive_read_new());
    archive_read_support_filter_all(archive.get()); // its rpm filter skips lead and headers
    archive_read_support_format_cpio(archive.get());
    const auto check = [&](la_ssize_t result) {
        if (result < ARCHIVE_WARN)
            damaged(package, archive_error_string(archive.get()) ? archive_error_string(archive.get()) : "?");
    };
    check(archive_read_open_filename(archive.get(), package.path.c_str(), 1 << 18));
    struct archive_entry* entry = nullptr;
    while (!by_digest.empty()) {
        const int result = archive_read_next_header(archive.get(), &entry);
        if (result == ARCHIVE_EOF) break;
        check(result);
        std::string_view name = archive_entry_pathname(entry);
        if (name.starts_with(".")) name.remove_prefix(1);
        const auto described = by_path.find(name.starts_with('/') ? std::string(name) : "/" + std::string(name));
        if (described == by_path.end() || !S_ISREG(described->second->mode)) continue;
        const PackageFile& file = *described->second;
        if (!by_digest.contains(file.digest) || archive_entry_size(entry) == 0) continue;
        if (static_cast<std::uint64_t>(archive_entry_size(entry)) != file.size)
            damaged(package, fmt::format("'{}' has another size than its header says", file.path));
        std::string content(file.size, '\0');
        for (std::size_t at = 0; at < content.size();) {
            const la_ssize_t count = archive_read_data(archive.get(), content.data() + at, content.size() - at);
            check(count);
            if (count == 0) damaged(package, fmt::format("'{}' is cut short", file.path));
            at += static_cast<std::size_t>(count);
        }
        const auto type = digest_type(file.digest_algorithm);
        if (!type || digest_of(content, *type) != file.digest)
            damaged(package, fmt::format("'{}' doesn't have the digest of its header", file.path));
        const auto [begin, end] = by_digest.equal_range(file.digest);
        for (auto match = begin; match != end; ++match)
            use(*match->second, content);
        by_digest.erase(begin, end);
    }
    if (!by_digest.empty()) damaged(package, fmt::format("its payload has no '{}'", by_digest.begin()->second->path));
}

std::string capability_bytes(const std::string& text) {
    const std::unique_ptr<std::remove_pointer_t<cap_t>, Deleter<cap_free>> caps(cap_from_text(text.c_str()));
    if (!caps) throw fail(Reason::DamagedPackage, "'{}' isn't a set of file capabilities", text);
    struct vfs_cap_data data {};
    std::uint32_t magic = VFS_CAP_REVISION_2;
    for (cap_value_t cap = 0; cap <= CAP_LAST_CAP; ++cap) {
        const auto has = [&](cap_flag_t flag) {
            cap_flag_value_t value = CAP_CLEAR;
            return cap_get_flag(caps.get(), cap, flag, &value) == 0 && value == CAP_SET;
        };
        auto& words = data.data[cap / 32];
        const std::uint32_t bit = 1U << (cap % 32);
        if (has(CAP_PERMITTED)) words.permitted |= htole32(bit);
        if (has(CAP_INHERITABLE)) words.inheritable |= htole32(bit);
        if (has(CAP_EFFECTIVE)) magic |= VFS_CAP_FLAGS_EFFECTIVE;
    }
    data.magic_etc = htole32(magic);
    return {reinterpret_cast<const char*>(&data), sizeof data};
}

} // namespace rtnode::ostree
