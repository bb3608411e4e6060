#pragma once
// Origin files, as rpm-ostree writes them (rust/src/origin.rs): text to value, and the text of a changed wish.

#include "state/deployment.hpp"

#include <string>
#include <vector>

namespace rtnode::ostree {

/// @throws Error{UnusableOrigin} when it isn't a key file
Origin parse_origin(const std::string& text);

/// The package lists of an origin, complete: an empty list removes its key.
struct LayeringLists {
    std::vector<std::string> requested;               ///< [packages] requested
    std::vector<std::string> requested_local;         ///< [packages] requested-local, "<header sha256>:<nevra>"
    std::vector<std::string> overrides_remove;        ///< [overrides] remove
    std::vector<std::string> overrides_replace_local; ///< [overrides] replace-local, "<header sha256>:<nevra>"
};

LayeringLists lists_of(const Origin& origin);

/// The text with these lists. Everything else stays, custom-url and unknown keys too; libostree's transient keys go.
/// `refspec` is `baserefspec` while anything is layered. @throws Error{UnusableOrigin}
std::string changed_origin(const std::string& text, const LayeringLists& lists);

/// The text without libostree's transient keys (pinned, unlocked, override-commit): for a redeploy of the same wish.
std::string carried_origin(const std::string& text);

/// "<header sha256>:<nevra>" in its two parts. @throws Error{UnusableOrigin}
std::pair<std::string, std::string> split_local_entry(const std::string& entry);

} // namespace rtnode::ostree
