#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace rtnode {

/// The bytes of a file that is read whole; "" when it can't be.
inline std::string file_text(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

} // namespace rtnode
