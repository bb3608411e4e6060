#pragma once
// What a Transaction holds. Private to daemon/ostree.

#include "ostree/commit.hpp"
#include "ostree/sysroot_impl.hpp"

namespace rtnode::ostree {

struct Transaction::Impl {
    Impl(Sysroot& where, std::string name);
    ~Impl();

    Sysroot& sysroot;
    GObj<OstreeRepo> repo;
    std::string job;
    bool open = false;    ///< libostree's transaction runs
    bool written = false; ///< it ended well: the temporary refs exist
    std::map<std::string, std::string> temporary, wanted;
    GObj<OstreeSePolicy> policy; ///< null when the base has none
    bool policy_known = false;

    /// Reads the SELinux policy of a commit, once.
    void read_policy(const std::string& commit);

    /// Names a new commit, so that it outlives a prune until the real refs or a deployment hold it.
    void keep(const std::string& name, const std::string& checksum);
};

} // namespace rtnode::ostree
