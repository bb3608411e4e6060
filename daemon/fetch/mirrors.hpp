#pragma once
// Lists of mirrors: plain ones (a URL a line), and metalinks as MirrorManager writes them (Metalink 3.0 with the
// namespace "http://fedorahosted.org/mirrormanager" for alternates), which also say what repomd.xml is. Inside of
// fetch/ only.

#include "fetch/downloader.hpp"

#include <string>
#include <vector>

namespace rtnode::fetch {

/// Where a repository is to be had.
struct Mirrors {
    std::vector<std::string> base_urls;     ///< in the order to try
    std::optional<Checksum> repomd;         ///< of a metalink
    std::vector<std::string> older_repomds; ///< digests of the same type that a mirror which lags behind may have
};

/// Of mirrors there may be hundreds; so many are tried.
inline constexpr std::size_t most_mirrors = 16;

/// `from` is the list's own URL: mirrors by http are left out of a list that came by https, and the node's own files
/// out of one that came over the network. A list may turn out to be a metalink.
/// @throws Error{RepositoryMetadata} for a text that is no such list, or leaves no mirror
Mirrors parse_mirrorlist(const std::string& text, const std::string& from);

/// As above, but mirrors by http stay, since the checksum proves what they have.
/// @throws Error{RepositoryMetadata} also without a strong checksum of repomd.xml
Mirrors parse_metalink(const std::string& text, const std::string& from);

} // namespace rtnode::fetch
