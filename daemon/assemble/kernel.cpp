#include "assemble/kernel.hpp"

#include "state/error.hpp"

#include <fmt/ranges.h>

#include <fstream>
#include <iterator>

namespace rtnode::assemble {

namespace fs = std::filesystem;

std::set<std::string> kernels_in(const fs::path& root) {
    std::set<std::string> kernels;
    std::error_code missing; // no such folder: no kernel
    for (const auto& entry : fs::directory_iterator(root / "usr/lib/modules", missing))
        if (fs::is_directory(entry.symlink_status()) &&
            fs::is_regular_file(fs::symlink_status(entry.path() / "vmlinuz")))
            kernels.insert(entry.path().filename().string());
    return kernels;
}

void remove_stale_modules(const fs::path& root, const std::set<std::string>& before) {
    const auto now = kernels_in(root);
    for (const auto& kver : before)
        if (!now.contains(kver)) fs::remove_all(root / "usr/lib/modules" / kver);
}

std::string only_kernel(const fs::path& root) {
    const auto kernels = kernels_in(root);
    if (kernels.empty())
        throw fail(Reason::NoKernel,
                   "the new tree would have no kernel (usr/lib/modules/*/vmlinuz) and could not boot; "
                   "install one together with the removal, or use the option kernel");
    if (kernels.size() > 1)
        throw fail(Reason::SeveralKernels,
                   "the new tree would have several kernels ({}), and which one boots would be chance; remove the "
                   "packages of all but one, or use the option kernel, which derives them",
                   fmt::join(kernels, ", "));
    return *kernels.begin();
}

void mend_kernel_digest(const fs::path& root, const std::string& kver) {
    const auto file = root / "usr/lib/modules" / kver / ".vmlinuz.hmac";
    if (!fs::is_regular_file(fs::symlink_status(file))) return;
    std::ifstream stream(file);
    std::string digest, name;
    stream >> digest >> name;
    if (name.find('/') == std::string::npos) return;
    stream.close();
    // A new file: the old one may belong to the base.
    const auto fresh = file.string() + ".new";
    std::ofstream out(fresh, std::ios::trunc);
    out << digest << "  " << fs::path(name).filename().string() << '\n';
    out.close();
    if (!out)
        throw fail(Reason::NoSpace, "'{}' could not be written; free space below /sysroot and try again",
                   file.string());
    fs::permissions(fresh, fs::perms{0644});
    fs::rename(fresh, file);
}

} // namespace rtnode::assemble
