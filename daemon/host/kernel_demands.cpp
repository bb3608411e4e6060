#include "host/kernel_demands.hpp"

#include "state/file_text.hpp"

#include <algorithm>

namespace rtnode::host {
namespace {

namespace fs = std::filesystem;

/// EFI's global variable SecureBoot: four bytes of attributes, then 1 while signatures are enforced (UEFI 2.10, 3.3).
bool secure_boot(const fs::path& root) {
    const auto variable = file_text(root / "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
    return variable.size() == 5 && variable[4] == 1;
}

std::vector<std::string> out_of_tree_modules(const fs::path& root) {
    std::vector<std::string> names;
    std::error_code gone; // a module that is unloaded meanwhile
    for (auto module = fs::directory_iterator(root / "sys/module", gone); !gone && module != fs::end(module);
         module.increment(gone))
        if (file_text(module->path() / "taint").find_first_of("OE") != std::string::npos)
            names.push_back(module->path().filename().string());
    std::ranges::sort(names);
    return names;
}

} // namespace

KernelDemands kernel_demands(const fs::path& root) {
    return {.secure_boot = secure_boot(root),
            .fips = file_text(root / "proc/sys/crypto/fips_enabled").starts_with('1'),
            .out_of_tree_modules = out_of_tree_modules(root)};
}

} // namespace rtnode::host
