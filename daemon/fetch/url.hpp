#pragma once
// What a caller may name as a package, and what of a URL may be shown to others.

#include <optional>
#include <string>
#include <string_view>

namespace rtnode::fetch {

/// One element of Request::replace or Request::install.
struct PackageInput {
    enum class Kind {
        url,        ///< http or https
        path,       ///< absolute path; file:// URLs become one
        descriptor, ///< "fd:N": the N-th passed descriptor
        name,       ///< a name or NEVRA of the enabled repositories
    };
    Kind kind = Kind::name;
    std::string value;       ///< the URL without fragment, the path, or the name
    unsigned descriptor = 0; ///< N of "fd:N"
    std::string sha256;      ///< of `#sha256=HEX`, lower case; empty when not given

    std::string display() const; ///< for plans, logs and messages: a URL without userinfo, query and fragment
};

/// Sorts out what a caller wrote.
/// @throws Error{InvalidArgument} for an empty text, a relative path, another scheme, a URL without host, control
///         characters, or a fragment other than `#sha256=` with 64 hex digits.
PackageInput parse_package_input(const std::string& text);

/// The URL without userinfo, query and fragment: they may hold secrets, so this is the only form that is stored,
/// logged or replied. Text that is no URL passes unchanged.
std::string redacted(std::string_view url);

/// "scheme://host:port" of an http or https URL in lower case, without a port that is the scheme's own: who a secret
/// may be told. Empty for others.
std::string origin_of(std::string_view url);

/// Whether what the URL gives can't be changed on its way: https.
bool is_secure(std::string_view url);

/// The path of a file:// URL, percent-decoded; nothing for other schemes.
/// @throws Error{InvalidArgument} for a file URL with a host, a relative path, or bad percent-encoding.
std::optional<std::string> path_of_file_url(std::string_view url);

/// `base` and `reference` joined: a reference with its own scheme replaces the base, else it is appended after
/// exactly one '/'; a query of the base stays at the end (repositories with tokens in the query).
std::string joined(std::string_view base, std::string_view reference);

} // namespace rtnode::fetch
