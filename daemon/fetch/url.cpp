#include "fetch/url.hpp"

#include "state/error.hpp"

#include <algorithm>
#include <charconv>

namespace rtnode::fetch {
namespace {

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
    return result;
}

/// The scheme in lower case (RFC 3986, 3.1), empty when the text doesn't begin with `scheme://`.
std::string scheme_of(std::string_view text) {
    const auto colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0) return {};
    const auto scheme = text.substr(0, colon);
    const bool legal = std::all_of(scheme.begin(), scheme.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
    });
    return legal ? lower(scheme) : std::string{};
}

std::string percent_decoded(std::string_view text, std::string_view url) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        unsigned char byte = 0;
        if (i + 2 >= text.size() || !is_hex(text.substr(i + 1, 2)))
            throw fail(Reason::InvalidArgument, "'{}' has a '%' that two hex digits don't follow", redacted(url));
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
        if (byte == 0) throw fail(Reason::InvalidArgument, "'{}' has a NUL byte in its path", redacted(url));
        result += static_cast<char>(byte);
        i += 2;
    }
    return result;
}

std::string digest_of_fragment(std::string_view fragment, std::string_view text) {
    constexpr std::string_view key = "sha256=";
    if (!fragment.starts_with(key))
        throw fail(Reason::InvalidArgument,
                   "'{}' ends in an unknown fragment; only '#sha256=' and 64 hex digits may "
                   "follow the URL or path",
                   redacted(text));
    const auto hex = fragment.substr(key.size());
    if (hex.size() != 64 || !is_hex(hex))
        throw fail(Reason::InvalidArgument,
                   "'{}': after '#sha256=' there must be 64 hex digits (as sha256sum prints), not {} characters",
                   redacted(text), hex.size());
    return lower(hex);
}

} // namespace

std::string redacted(std::string_view url) {
    const auto colon = url.find("://");
    if (scheme_of(url).empty()) {
        // No URL, but a digest after a path isn't part of the path either.
        const auto hash = url.rfind("#sha256=");
        return std::string(hash == std::string_view::npos ? url : url.substr(0, hash));
    }
    const auto end = url.find_first_of("?#");
    std::string_view kept = url.substr(0, end);
    const auto authority = colon + 3;
    const auto path = kept.find('/', authority);
    const auto at = kept.substr(0, path).rfind('@');
    if (at == std::string_view::npos || at < authority) return std::string(kept);
    return std::string(kept.substr(0, authority)) + std::string(kept.substr(at + 1));
}

bool is_secure(std::string_view url) {
    return scheme_of(url) == "https";
}

std::string origin_of(std::string_view url) {
    const auto scheme = scheme_of(url);
    if (scheme != "http" && scheme != "https") return {};
    auto authority = url.substr(scheme.size() + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
    auto host = lower(authority);
    const std::string_view usual = scheme == "http" ? ":80" : ":443";
    if (host.ends_with(usual)) host.resize(host.size() - usual.size());
    return scheme + "://" + host;
}

std::optional<std::string> path_of_file_url(std::string_view url) {
    if (scheme_of(url) != "file") return std::nullopt;
    std::string_view rest = url.substr(std::string_view("file://").size());
    if (rest.starts_with("localhost/")) rest.remove_prefix(std::string_view("localhost").size());
    if (!rest.starts_with('/'))
        throw fail(Reason::InvalidArgument, "'{}' has to have three slashes and an absolute path: file:///folder/file",
                   redacted(url));
    return percent_decoded(rest.substr(0, rest.find_first_of("?#")), url);
}

std::string joined(std::string_view base, std::string_view reference) {
    if (!scheme_of(reference).empty()) return std::string(reference);
    std::string_view query;
    if (const auto mark = base.find('?'); mark != std::string_view::npos) {
        query = base.substr(mark);
        base = base.substr(0, mark);
    }
    while (base.ends_with('/'))
        base.remove_suffix(1);
    while (reference.starts_with('/'))
        reference.remove_prefix(1);
    return fmt::format("{}/{}{}", base, reference, query);
}

PackageInput parse_package_input(const std::string& text) {
    if (text.empty())
        throw fail(Reason::InvalidArgument, "a package is empty; give a URL, an absolute path or a package name");
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        throw fail(Reason::InvalidArgument, "a package has control characters in its name, path or URL; give it "
                                            "without line breaks, tabs and the like");
    PackageInput input;
    const std::string scheme = scheme_of(text);
    std::string_view rest = text;
    const bool names_file = !scheme.empty() || text.starts_with('/') || text.starts_with("fd:");
    // A path may hold a '#' of its own; only a digest is split off it.
    const auto hash = scheme.empty() ? text.rfind("#sha256=") : text.find('#');
    if (names_file && hash != std::string::npos) {
        input.sha256 = digest_of_fragment(rest.substr(hash + 1), text);
        rest = rest.substr(0, hash);
    }
    input.value = rest;
    if (scheme == "file") {
        input.kind = PackageInput::Kind::path;
        input.value = *path_of_file_url(rest);
    } else if (scheme == "http" || scheme == "https") {
        input.kind = PackageInput::Kind::url;
        const auto shown = redacted(rest);
        const auto host = std::string_view(shown).substr(scheme.size() + 3);
        if (host.empty() || host.starts_with('/') || host.starts_with(':'))
            throw fail(Reason::InvalidArgument, "'{}' has no host; a URL is like https://host/folder/x.rpm", shown);
        if (rest.find(' ') != std::string_view::npos)
            throw fail(Reason::InvalidArgument, "'{}' has a blank; write %20 for it in a URL", shown);
    } else if (!scheme.empty()) {
        throw fail(Reason::InvalidArgument, "'{}' has the scheme '{}'; packages come from http, https or file URLs",
                   redacted(text), scheme);
    } else if (text.starts_with('/')) {
        input.kind = PackageInput::Kind::path;
    } else if (text.starts_with("fd:")) {
        input.kind = PackageInput::Kind::descriptor;
        const auto* end = rest.data() + rest.size();
        const auto [stop, error] = std::from_chars(rest.data() + 3, end, input.descriptor);
        if (error != std::errc{} || stop != end)
            throw fail(Reason::InvalidArgument, "'{}' is no passed descriptor; write fd:0 for the first one", text);
    } else if (text.find('/') != std::string::npos) {
        throw fail(Reason::InvalidArgument,
                   "'{}' is a relative path; the daemon has another working folder, so give an absolute path", text);
    }
    return input;
}

std::string PackageInput::display() const {
    return kind == Kind::url ? redacted(value) : value;
}

} // namespace rtnode::fetch
