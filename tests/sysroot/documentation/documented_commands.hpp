#pragma once
// The command lines of rtnodectl and busctl that documents tell people to type.

#include <string>
#include <vector>

namespace rtnode::test {

/// In their order, each as it stands there with its continued lines: of README.md the indented ones and the `spans` of
/// its text; of a manual page's source those of its EXAMPLES.
std::vector<std::string> documented_commands(const std::string& document);

} // namespace rtnode::test
