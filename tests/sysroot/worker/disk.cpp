#include "disk.hpp"

#include "node.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace rtnode::tests {
namespace {

std::runtime_error failed(const std::string& what) {
    return std::runtime_error(what + ": " + std::strerror(errno));
}

std::uint64_t free_of(const fs::path& folder) {
    struct statvfs facts {};
    if (statvfs(folder.c_str(), &facts) != 0) throw failed("statvfs");
    return static_cast<std::uint64_t>(facts.f_bfree) * facts.f_frsize;
}

void enter_own_mounts() {
    static const bool entered =
        unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (!entered) throw std::runtime_error("these tests need root");
}

/// In memory where that is big enough: libostree syncs often.
fs::path place(std::uint64_t bytes) {
    const fs::path memory = "/dev/shm";
    std::error_code error;
    if (fs::is_directory(memory, error) && free_of(memory) > 2 * bytes) return memory;
    return made_node().parent_path();
}

} // namespace

Disk::Disk(std::uint64_t bytes) {
    enter_own_mounts();
    auto pattern = (place(bytes) / "test-disk-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw failed(pattern);
    home_ = pattern;
    folder = home_ / "disk";
    fs::create_directory(folder);
    image = home_ / "image";
    std::ofstream(image).close();
    fs::resize_file(image, bytes);
    output_of({"mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", image.string()});
    output_of({"mount", "-o", "loop", image.string(), folder.string()});
}

Disk::~Disk() {
    // Lazily: a process that a failed test left must not keep the image for ever.
    umount2(folder.c_str(), MNT_DETACH);
    std::error_code error;
    fs::remove_all(home_, error);
}

std::uint64_t Disk::free_bytes() const {
    return free_of(folder);
}

void Disk::fill(std::uint64_t leave_bytes) {
    const int file = open((folder / "ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) throw failed("ballast");
    // In halves: metadata takes some of it too, so the rest is asked for again.
    for (auto free = free_bytes(); free > leave_bytes; free = free_bytes()) {
        const auto piece = static_cast<off_t>(free - leave_bytes);
        const auto end = static_cast<off_t>(fs::file_size(folder / "ballast"));
        if (posix_fallocate(file, end, piece > 65536 ? piece * 15 / 16 : piece) != 0) break;
    }
    close(file);
}

void Disk::empty() {
    fs::remove(folder / "ballast");
}

} // namespace rtnode::tests
