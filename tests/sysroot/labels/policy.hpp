#pragma once
// Debian's SELinux policy, and what it says by tools that neither rtnode nor libostree has a part in. The machine's
// kernel need not know SELinux: security.selinux is then an attribute like any other, which root may set.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace rtnode::tests {

/// Made once for a build folder (tests/support/node/selinux-policy).
const std::filesystem::path& policy_folder();

/// Gives a tree the policy, in usr/etc/selinux.
void put_policy_into(const std::filesystem::path& tree);

/// How a compose labels usr/etc/x: by that name, or as /etc/x (rpm-ostree's selinux-label-version 1).
enum class EtcLabels { by_place, as_etc };

/// Labels a tree by its own policy, as a compose does.
void label(const std::filesystem::path& tree, EtcLabels etc);

/// What a tree's policy says of paths as they are on the running system, each with its kind in front: "f/usr/bin/x" is
/// a file, "d…" a folder, "l…" a link.
std::map<std::string, std::string> labels_of(const std::filesystem::path& tree, const std::vector<std::string>& paths);

/// What setfiles would do to bring all below a path in `root`, a tree too, in line with the policy of `tree`; "" when
/// all is right.
std::string wrong_labels(const std::filesystem::path& tree, const std::filesystem::path& root,
                         const std::filesystem::path& path);

/// The highest policy.N of a tree.
std::filesystem::path binary_policy(const std::filesystem::path& tree);

} // namespace rtnode::tests
