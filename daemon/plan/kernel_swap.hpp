#pragma once
// The rules of a kernel swap (rpm-ostree binds one kernel to one tree): derived sets for kernel=rt, and checks of
// literal ones. Inside of plan/ only.

#include "plan/selection.hpp"

namespace rtnode::plan {

/// "kernel" and "kernel-…": packages that a kernel build is split into, and their meta packages.
bool is_kernel_family(const std::string& name);

/// Whether it brings a vmlinuz: kernel-core, kernel-rt-core and such by name or Provides. (Which files are really in
/// it is looked at again after the tree is assembled.)
bool ships_kernel_image(const PackagePool& pool, Id id);

/// The base's kernel packages: owners of its modules' folder that are of the family (others own files there too,
/// third-party modules say), and their meta package.
std::set<Id> base_kernel(const PackagePool& pool, const SolveInput& input);

/// "kernel-rt" and "kernel-rt-…".
bool is_real_time(const std::string& name);

/// Adds to the selection: out go the base's kernel packages with their meta package, in come kernel-rt-core, -modules,
/// -modules-extra and the counterparts of what goes out, all of one build: the newest whole one that may be, the one
/// that the request's own packages name, or what the policy says (SolveInput's wishes.kernel_version). Never the meta
/// package kernel-rt, which would require rt-setup.
/// @throws Error{NoSuchPackage, NoKernel, InvalidArgument, KernelMismatch}
void select_real_time_kernel(const PackagePool& pool, const SolveInput& input, Selection& selection);

/// Also notes the versions of a swap, and warns of a real-time kernel that isn't of the base kernel's version.
/// @throws Error{IncompleteKernelSwap, SeveralKernels, NoKernel}
void check_kernels(const PackagePool& pool, const SolveInput& input, Selection& selection);

} // namespace rtnode::plan
