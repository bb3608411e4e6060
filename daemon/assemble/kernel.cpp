#include "assemble/kernel.hpp"

#include "assemble/new_file.hpp"
#include "state/error.hpp"
#include "state/file_text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string_view>

namespace rtnode::assemble {

namespace fs = std::filesystem;

namespace {

fs::path digest_file(const fs::path& root, const std::string& kver) {
    return root / "usr/lib/modules" / kver / ".vmlinuz.hmac";
}

/// A number in little-endian order; 0 beyond the end.
std::uint64_t number_at(std::string_view bytes, std::uint64_t at, unsigned size) {
    std::uint64_t number = 0;
    for (unsigned i = size; at + size <= bytes.size() && i-- > 0;)
        number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
    return number;
}

/// "kernel/net/nf-nat.ko.xz" → "nf_nat"; "" for what is no module.
std::string module_of(const fs::path& file) {
    auto name = file.filename().string();
    const auto end = name.rfind(".ko");
    if (end == std::string::npos || (end + 3 != name.size() && name[end + 3] != '.')) return {};
    name.erase(end);
    std::ranges::replace(name, '-', '_');
    return name;
}

} // namespace

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
    if (!has_digest(root, kver)) return;
    const auto file = digest_file(root, kver);
    std::istringstream words(file_text(file));
    std::string digest, name;
    words >> digest >> name;
    if (name.find('/') == std::string::npos) return;
    write_new_file(file, digest + "  " + fs::path(name).filename().string() + '\n');
}

bool has_signature(const fs::path& vmlinuz) {
    std::string head(4096, '\0'); // a kernel's headers are its first sectors
    std::ifstream stream(vmlinuz, std::ios::binary);
    stream.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(stream.gcount()));
    const auto header = number_at(head, 0x3c, 4);
    if (!head.starts_with("MZ") || header + 4 > head.size() || head.substr(header, 4) != std::string("PE\0\0", 4))
        return false;
    const auto optional = header + 24;
    constexpr unsigned pe32_plus = 0x20b, security = 4;
    if (number_at(head, optional, 2) != pe32_plus || number_at(head, optional + 108, 4) <= security) return false;
    const auto entry = optional + 112 + security * 8;
    const auto start = number_at(head, entry, 4), size = number_at(head, entry + 4, 4); // the start is one in the file
    return size > 8 && start + size <= fs::file_size(vmlinuz);
}

bool has_digest(const fs::path& root, const std::string& kver) {
    return fs::is_regular_file(fs::symlink_status(digest_file(root, kver)));
}

std::set<std::string> modules_in(const fs::path& root, const std::string& kver) {
    const auto folder = root / "usr/lib/modules" / kver;
    std::set<std::string> modules;
    std::error_code missing; // no such folder: no module
    for (const auto& entry : fs::recursive_directory_iterator(folder, missing))
        modules.insert(module_of(entry.path()));
    std::istringstream built_in(file_text(folder / "modules.builtin"));
    for (std::string line; std::getline(built_in, line);)
        modules.insert(module_of(line));
    modules.erase("");
    return modules;
}

} // namespace rtnode::assemble
