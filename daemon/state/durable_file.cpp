#include "state/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace rtnode {

Error file_error(std::string_view what, const std::filesystem::path& file) {
    const int e = errno;
    if (e == ENOSPC || e == EDQUOT)
        return fail(Reason::NoSpace, "{} {}: no space is left there; free some and ask again", what, file.string());
    return fail(Reason::Internal, "{} {}: {}", what, file.string(), std::strerror(e));
}

bool write_all(int fd, std::string_view text) noexcept {
    while (!text.empty()) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

std::string text_in(const UniqueFd& folder, const std::string& name) {
    // Of a pipe that somebody put there the open must not wait for a writer.
    const UniqueFd file(::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    std::string text;
    if (!file) return text;
    std::array<char, 16384> part{};
    for (ssize_t got = 0; (got = ::read(file.get(), part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(got));
    return text;
}

void replace_file(const UniqueFd& folder, const std::filesystem::path& path, const std::string& name,
                  std::string_view text) {
    const auto temporary = name + ".tmp";
    try {
        const UniqueFd file(
            ::openat(folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file) throw file_error("can't create", path / name);
        if (!write_all(file.get(), text) || ::fsync(file.get()) != 0) throw file_error("can't write", path / name);
        if (::renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0)
            throw file_error("can't replace", path / name);
        if (::fsync(folder.get()) != 0) throw file_error("can't write", path);
    } catch (const Error&) {
        ::unlinkat(folder.get(), temporary.c_str(), 0);
        throw;
    }
}

} // namespace rtnode
