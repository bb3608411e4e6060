#pragma once
// Name, epoch, version, release, architecture: what identifies an RPM package.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace rtnode {

struct Nevra {
    std::string name;
    std::uint64_t epoch = 0; ///< absent in the header counts as 0
    std::string version;
    std::string release;
    std::string arch;

    /// "4:20190918-3.rhcos.1.el8"; the epoch is printed only when it is above 0 (rpm-ostree's custom).
    std::string evr() const;

    /// "microcode_ctl-4:20190918-3.rhcos.1.el8.x86_64".
    std::string str() const;

    /// The reverse of str(). @throws Error{InvalidArgument}
    static Nevra parse(const std::string& text);

    auto operator<=>(const Nevra&) const = default; ///< lexical, for containers; rpm's version order is rpm/'s work
};

/// Whether `text` (name, name.arch, name-version, name-[epoch:]version-release[.arch]) means this package.
bool names_package(std::string_view text, const Nevra& nevra);
/// Whether `text` says more than a name and an architecture.
bool names_version(std::string_view text, const Nevra& nevra);

} // namespace rtnode
