#pragma once
// The kernel in a tree: exactly one, below usr/lib/modules, as libostree wants it. `root` is the tree's root.

#include <filesystem>
#include <set>
#include <string>

namespace rtnode::assemble {

/// Folders of usr/lib/modules that hold a vmlinuz: kernel versions.
std::set<std::string> kernels_in(const std::filesystem::path& root);

/// Deletes the module folders of kernels that were there before and aren't any more: scriptlets (%postun depmod) and
/// unowned files keep them alive.
void remove_stale_modules(const std::filesystem::path& root, const std::set<std::string>& before);

/// The one kernel. libostree boots the first that readdir() finds, so two are an error.
/// @throws Error{NoKernel}, Error{SeveralKernels}
std::string only_kernel(const std::filesystem::path& root);

/// `.vmlinuz.hmac` names the kernel by a path of /boot that doesn't exist on an OSTree node, on which a FIPS boot
/// fails: only the file name stays (as rpm-ostree does). Nothing happens without such a file.
void mend_kernel_digest(const std::filesystem::path& root, const std::string& kver);

/// Whether an EFI program, as a kernel is one, has an entry in its attribute certificate table: a signature by
/// somebody. (Microsoft PE/COFF specification, "The Attribute Certificate Table".) False for what is no PE32+ file.
bool has_signature(const std::filesystem::path& vmlinuz);

/// Whether the kernel has the digest that a boot in FIPS mode looks for.
bool has_digest(const std::filesystem::path& root, const std::string& kver);

/// The modules of a kernel, built-in ones too, as lsmod(8) names them.
std::set<std::string> modules_in(const std::filesystem::path& root, const std::string& kver);

} // namespace rtnode::assemble
