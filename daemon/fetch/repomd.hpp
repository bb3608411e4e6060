#pragma once
// Inside of fetch/ only.

#include "fetch/metadata.hpp"

namespace rtnode::fetch {

std::string sha256_of_file(const std::filesystem::path& file);

/// Whether the file is there and has the size and checksum of `data`.
bool has_checksum(const std::filesystem::path& file, const MetadataFile& data);

} // namespace rtnode::fetch
