#include "state/nevra.hpp"

#include "state/error.hpp"

#include <charconv>

namespace rtnode {

std::string Nevra::evr() const {
    return epoch > 0 ? fmt::format("{}:{}-{}", epoch, version, release) : fmt::format("{}-{}", version, release);
}

std::string Nevra::str() const {
    return fmt::format("{}-{}.{}", name, evr(), arch);
}

Nevra Nevra::parse(const std::string& text) {
    const auto malformed = [&] {
        return fail(Reason::InvalidArgument,
                    "'{}' is not a package identity of the form name-[epoch:]version-release.arch", text);
    };
    // From the right: neither version, release nor architecture may hold a '-', a name may.
    const auto dot = text.rfind('.');
    const auto dash_release = dot == std::string::npos ? dot : text.rfind('-', dot);
    if (dash_release == std::string::npos || dash_release == 0) throw malformed();
    const auto dash_version = text.rfind('-', dash_release - 1);
    if (dash_version == std::string::npos || dash_version == 0) throw malformed();

    Nevra nevra;
    nevra.name = text.substr(0, dash_version);
    nevra.version = text.substr(dash_version + 1, dash_release - dash_version - 1);
    nevra.release = text.substr(dash_release + 1, dot - dash_release - 1);
    nevra.arch = text.substr(dot + 1);
    if (const auto colon = nevra.version.find(':'); colon != std::string::npos) {
        const auto* end = nevra.version.data() + colon;
        const auto [stop, error] = std::from_chars(nevra.version.data(), end, nevra.epoch);
        if (error != std::errc{} || stop != end) throw malformed();
        nevra.version.erase(0, colon + 1);
    }
    if (nevra.version.empty() || nevra.release.empty() || nevra.arch.empty()) throw malformed();
    return nevra;
}

bool names_version(std::string_view text, const Nevra& nevra) {
    if (text.size() <= nevra.name.size() + 1 || !text.starts_with(nevra.name) || text[nevra.name.size()] != '-')
        return false;
    auto rest = text.substr(nevra.name.size() + 1);
    const auto epoch = std::to_string(nevra.epoch) + ":";
    // Without an epoch any epoch is meant (as with dnf): people copy "20190918-3.el8" from file names.
    if (rest.starts_with(epoch)) rest.remove_prefix(epoch.size());
    const auto with_release = nevra.version + "-" + nevra.release;
    return rest == nevra.version || rest == with_release || rest == with_release + "." + nevra.arch;
}

bool names_package(std::string_view text, const Nevra& nevra) {
    return text == nevra.name || text == nevra.name + "." + nevra.arch || names_version(text, nevra);
}

} // namespace rtnode
