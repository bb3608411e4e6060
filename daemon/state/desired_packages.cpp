#include "state/desired_packages.hpp"

#include "state/error.hpp"
#include "state/numbers.hpp"

namespace rtnode {
namespace {

constexpr std::size_t hash_length = 64;

std::map<std::string, PinnedPackage> by_name(const std::vector<std::string>& pins) {
    std::map<std::string, PinnedPackage> packages;
    for (const auto& text : pins) {
        auto pin = PinnedPackage::parse(text);
        const auto name = pin.nevra.name;
        packages.insert_or_assign(name, std::move(pin));
    }
    return packages;
}

} // namespace

std::string PinnedPackage::str() const {
    return header_sha256 + ":" + nevra.str();
}

PinnedPackage PinnedPackage::parse(const std::string& text) {
    if (text.size() <= hash_length || text[hash_length] != ':' ||
        text.find_first_not_of("0123456789abcdef") != hash_length)
        throw fail(Reason::UnusableOrigin,
                   "the origin records the package '{}', which is not of the form SHA256:NEVRA; "
                   "'rpm-ostree status' shows the deployment, 'rpm-ostree override reset' repairs it",
                   text);
    return {text.substr(0, hash_length), Nevra::parse(text.substr(hash_length + 1))};
}

DesiredPackages DesiredPackages::of(const Origin& origin) {
    return {.remove = {origin.overrides_remove.begin(), origin.overrides_remove.end()},
            .replace = by_name(origin.overrides_replace_local),
            .install = by_name(origin.requested_local),
            .layered = {}};
}

std::vector<std::string> DesiredPackages::reset(const std::vector<std::string>& names) {
    if (names.empty()) {
        *this = {.layered = std::move(layered)};
        return {};
    }
    std::vector<std::string> unknown;
    for (const auto& name : names)
        if (remove.erase(name) + replace.erase(name) + install.erase(name) == 0) unknown.push_back(name);
    return unknown;
}

std::string DesiredPackages::summary() const {
    const auto overrides = remove.size() + replace.size();
    const auto overlays = install.size() + layered.size();
    if (overlays == 0) return counted(overrides, "override");
    if (overrides == 0) return counted(overlays, "overlay");
    return counted(overrides, "override") + " and " + counted(overlays, "overlay");
}

} // namespace rtnode
