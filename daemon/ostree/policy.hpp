#pragma once
// The SELinux policy of a tree, and what it says. Private to daemon/ostree.

#include "ostree/handles.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace rtnode::ostree {

inline constexpr const char* policy_folder = "usr/etc/selinux";

/// Of a commit's tree; null when that has none or switches SELinux off.
/// @throws Error{CommitFailed} when it asks for one that can't be read
GObj<OstreeSePolicy> policy_of(OstreeRepo* repo, const std::string& commit);

/// The same of a tree in a folder.
/// @param context "cannot do X: cannot read Y"
GObj<OstreeSePolicy> policy_in(const std::filesystem::path& root, const std::string& context);

/// The label that a path gets; "" when the policy has none for it.
/// @param mode with type bits, which the label depends on
std::string label_by_policy(OstreeSePolicy* policy, const std::string& path, std::uint32_t mode,
                            const std::string& context);

/// The label among extended attributes, a(ayay); "" when there is none.
std::string label_among(GVariant* attributes);

/// Gives all that is in a tree the labels of a policy; what has them already keeps its object.
/// @param etc_as_etc usr/etc/x gets the label of /etc/x
void relabel(OstreeRepo* repo, OstreeMutableTree* tree, OstreeSePolicy* policy, bool etc_as_etc,
             const std::string& context);

} // namespace rtnode::ostree
