#include "state/own_prefix.hpp"

namespace rtnode {

std::filesystem::path prefix_of(const std::filesystem::path& program) {
    auto prefix = program.parent_path().parent_path();
    std::error_code unreadable;
    return std::filesystem::is_directory(prefix / "lib/rtnode", unreadable) ? prefix : RTNODE_PREFIX;
}

std::filesystem::path own_prefix() {
    std::error_code unreadable;
    return prefix_of(std::filesystem::read_symlink("/proc/self/exe", unreadable));
}

} // namespace rtnode
