#pragma once
// Where this program is installed. Its data are looked for there and not where they were to be at build time, so that a
// self-contained prefix may lie anywhere: on a node with a read-only /usr it is below /var (packaging/container).

#include <filesystem>

namespace rtnode {

/// PREFIX for PREFIX/libexec/rtnoded, when our data are there (PREFIX/lib/rtnode); else what it was built for, "/usr".
/// @param program absolute, without links
std::filesystem::path prefix_of(const std::filesystem::path& program);

/// The prefix of the running program.
std::filesystem::path own_prefix();

} // namespace rtnode
