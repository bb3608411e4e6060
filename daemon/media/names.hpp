#pragma once
// What imported repositories are called in .repo files, whatever the folders of their medium are called.

#include <filesystem>
#include <string>

namespace rtnode::media {

/// NAME, or NAME-FOLDER: letters, digits, '.', '_' and '-' only.
std::string repository_id(const std::string& name, const std::string& folder);

/// By a medium's .treeinfo and media.repo ("" where it has none): "Red Hat Enterprise Linux 8.1.0"; maybe "".
std::string title_of(const std::string& treeinfo, const std::string& media_repo);

/// The text with nothing that means something in a line of a .repo file.
std::string title_text(std::string text);

/// file:// URL for a .repo file: blanks, commas and `$` would mean something there, so they are percent-encoded.
std::string url_of(const std::filesystem::path& folder);

} // namespace rtnode::media
