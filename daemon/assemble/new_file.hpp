#pragma once

#include <filesystem>
#include <string>

namespace rtnode::assemble {

/// Writes a new file of the tree, 0644 by the sandbox's umask. One that is there is removed first: it may be the
/// base's. @throws Error{NoSpace}, std::filesystem::filesystem_error
void write_new_file(const std::filesystem::path& file, const std::string& text);

} // namespace rtnode::assemble
