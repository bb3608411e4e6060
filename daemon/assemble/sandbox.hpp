#pragma once
// The inside of an assembly. A program that calls assemble() must begin its main() with
//
//     if (argc == 2 && std::string_view(argv[1]) == assemble::sandbox_argument) return assemble::sandbox_main();
//
// The process inherits: 0 /dev/null, 1 and 2 a pipe for the output of scriptlets and tools, and the descriptors below.

#include <string_view>

namespace rtnode::assemble {

inline constexpr std::string_view sandbox_argument = "--sandbox";

/// @returns the exit status: 0 after a result, else 1 after an error message
int sandbox_main();

} // namespace rtnode::assemble
