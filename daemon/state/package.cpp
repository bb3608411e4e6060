#include "state/package.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace rtnode {
namespace {

/// The path without the leading slash and, on usr-merged trees, with lib as usr/lib.
std::string canonical(const PackageFile& file) {
    auto path = file.path.starts_with('/') ? file.path.substr(1) : file.path;
    return path.starts_with("lib/") ? "usr/" + path : path;
}

} // namespace

bool PackageFileOnDisk::is_kernel() const {
    // rpm-ostree's rpmte_is_kernel() goes by these Provides; content decides where a vendor forgot them.
    constexpr std::array<std::string_view, 4> kernels{"kernel", "kernel-core", "kernel-rt", "kernel-rt-core"};
    const bool provided = std::any_of(provides.begin(), provides.end(), [&](const std::string& name) {
        return std::find(kernels.begin(), kernels.end(), name) != kernels.end();
    });
    return provided || std::any_of(files.begin(), files.end(), [](const PackageFile& file) {
               const auto place = canonical(file);
               return place.starts_with("usr/lib/modules/") && place.ends_with("/vmlinuz");
           });
}

bool PackageFileOnDisk::has_microcode() const {
    return std::any_of(files.begin(), files.end(), [](const PackageFile& file) {
        const auto place = canonical(file);
        return place.starts_with("usr/lib/firmware/intel-ucode/") || place.starts_with("usr/lib/firmware/amd-ucode/") ||
               place.starts_with("usr/share/microcode_ctl/");
    });
}

} // namespace rtnode
