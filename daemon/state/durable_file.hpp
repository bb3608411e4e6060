#pragma once
// Files that must be whole and on disk before anything is done that rests on them.

#include "state/error.hpp"
#include "state/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace rtnode {

/// "WHAT FILE: …" by errno. @returns Error{NoSpace} when that is what is missing, else Error{Internal}
Error file_error(std::string_view what, const std::filesystem::path& file);

/// All of the text, however little write(2) takes at once. @returns whether it went well; else errno says why not
bool write_all(int fd, std::string_view text) noexcept;

/// What a file in the folder holds; "" when it isn't there or can't be read. A symbolic link isn't followed.
std::string text_in(const UniqueFd& folder, const std::string& name);

/// Puts the text in the place of what the file held: temporary file (0600), fsync, rename, fsync of the folder.
/// @param folder open @param path of the folder, for messages @throws Error{NoSpace, Internal}; then all is as before
void replace_file(const UniqueFd& folder, const std::filesystem::path& path, const std::string& name,
                  std::string_view text);

} // namespace rtnode
