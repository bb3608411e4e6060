#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

namespace rtnode {

/// The bytes of a file that is read whole; "" when it can't be. (By operator<<, which sets a bit where an iterator over the
/// buffer throws: read(2) of a folder, or of some files of /proc, fails after open(2) went well.)
inline std::string file_text(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.fail() ? std::string() : std::move(text).str();
}

} // namespace rtnode
