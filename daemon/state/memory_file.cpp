#include "state/memory_file.hpp"

#include "state/durable_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace rtnode {

UniqueFd sealed_memory_file(const char* name, std::string_view text) {
    const auto failed = [&](const char* what) {
        return fail(Reason::Internal, "the memory file {} can't be {}: {}", name, what, std::strerror(errno));
    };
    UniqueFd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) throw failed("made");
    if (!write_all(file.get(), text)) throw failed("written");
    if (::lseek(file.get(), 0, SEEK_SET) < 0 ||
        ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        throw failed("sealed");
    return file;
}

} // namespace rtnode
