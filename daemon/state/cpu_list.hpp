#pragma once
// Sets of CPUs, as the kernel and TuneD write them.

#include <string>
#include <string_view>
#include <vector>

namespace rtnode {

/// CPU numbers, ascending, each once.
using CpuList = std::vector<unsigned>;

/// Parses the kernel's list format, "0-3,5" (Documentation/admin-guide/cputopology.rst), strictly: no blanks, no empty
/// parts, no descending ranges, at most CPU 8191. One final newline, as sysfs writes it, is allowed; "" is no CPU.
/// @throws Error{InvalidArgument}
CpuList parse_cpu_list(std::string_view text);

/// The reverse of parse_cpu_list(): "0-3,5".
std::string format_cpu_list(const CpuList& cpus);

/// Each CPU by itself, "0,1,2,5", as systemd.cpu_affinity= wants it.
std::string expand_cpu_list(const CpuList& cpus);

/// "0000000f,00000000": groups of 8 hexadecimal digits, the highest CPUs first, without leading groups of zeros; what
/// TuneD's cpulist2hex writes and the kernel's bitmap parser reads. No CPU is "00000000".
std::string cpu_mask(const CpuList& cpus);

/// The reverse, also of the kernel's own spelling with fewer digits ("f,00000000"). One final newline is allowed.
/// @throws Error{InvalidArgument}
CpuList parse_cpu_mask(std::string_view text);

CpuList cpus_in_both(const CpuList& a, const CpuList& b);
CpuList cpus_in_either(const CpuList& a, const CpuList& b);
CpuList cpus_without(const CpuList& all, const CpuList& some);

} // namespace rtnode
