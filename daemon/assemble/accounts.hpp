#pragma once
// Users and groups that scriptlets add to a tree that keeps its own in usr/lib/{passwd,group}, for nss-altfiles, as
// RHEL CoreOS and Fedora CoreOS do. What a scriptlet added to /etc/passwd instead wouldn't reach a node whose file was
// changed, and each node's was.

#include <filesystem>
#include <map>
#include <string>

namespace rtnode::assemble {

/// "passwd" and "group" → text of the node's own /etc/passwd and /etc/group.
using NodeAccounts = std::map<std::string, std::string>;

/// As rpm-ostree does it (rust/src/passwd.rs): while scriptlets run, /etc has the tree's own accounts, to which they
/// add, and usr/lib the node's, so that none of its names and numbers is taken again. Nothing happens in a tree without
/// usr/lib/passwd.
class TreeAccounts {
  public:
    /// @param root of the tree, writable. @throws Error{NoSpace}, std::filesystem::filesystem_error
    TreeAccounts(std::filesystem::path root, const NodeAccounts& node);

    /// After the last scriptlet: what they added is in usr/lib, /etc as it was. @throws as the constructor
    void keep() const;

  private:
    std::filesystem::path etc_, lib_, aside_;
    bool apart_; ///< the tree keeps its accounts apart
};

} // namespace rtnode::assemble
