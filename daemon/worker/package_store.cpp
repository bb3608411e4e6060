#include "worker/package_store.hpp"

#include "state/error.hpp"
#include "state/unique_fd.hpp"

#include <fcntl.h>

#include <system_error>

namespace fs = std::filesystem;

namespace rtnode::worker {
namespace {

Error storing_failed(const fs::path& file, const std::error_code& error) {
    const auto reason = error == std::errc::no_space_on_device ? Reason::NoSpace : Reason::Internal;
    return fail(reason, "cannot keep the package file {}: {}; free space below {} and repeat the request",
                file.string(), error.message(), file.parent_path().string());
}

/// On the disk for certain. libostree's own sync covers only the file system of the repository, and /var may be
/// another.
std::error_code flush(const fs::path& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd || ::fsync(fd.get()) != 0) return {errno, std::generic_category()};
    return {};
}

} // namespace

PackageStore::PackageStore(fs::path folder) : folder_(std::move(folder)) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) throw storing_failed(folder_ / ".", error);
}

fs::path PackageStore::file_of(const std::string& header_sha256) const {
    return folder_ / (header_sha256 + ".rpm");
}

std::optional<fs::path> PackageStore::find(const std::string& header_sha256) const {
    const auto file = file_of(header_sha256);
    if (fs::is_regular_file(fs::symlink_status(file))) return file;
    return std::nullopt;
}

void PackageStore::keep(const PackageFileOnDisk& package) const {
    if (find(package.header_sha256)) return;
    const auto file = file_of(package.header_sha256);
    const auto temporary = fs::path(file).concat(".part");
    std::error_code error;
    fs::remove(temporary, error);
    fs::create_hard_link(package.path, temporary, error);
    if (error) fs::copy_file(package.path, temporary, fs::copy_options::overwrite_existing, error);
    if (!error) error = flush(temporary);
    if (!error) fs::rename(temporary, file, error);
    if (!error) error = flush(folder_);
    if (error) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw storing_failed(file, error);
    }
}

std::uint64_t PackageStore::retain_only(const std::set<std::string>& header_sha256s) const {
    std::uint64_t freed = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) {
        if (entry.path().extension() == ".rpm" && header_sha256s.contains(entry.path().stem().string())) continue;
        std::error_code error;
        const auto size = entry.is_regular_file(error) ? entry.file_size(error) : 0;
        if (fs::remove(entry.path(), error)) freed += size;
    }
    return freed;
}

} // namespace rtnode::worker
