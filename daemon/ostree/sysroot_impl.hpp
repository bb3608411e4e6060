#pragma once
// libostree's side of Sysroot. Private to daemon/ostree.

#include "ostree/handles.hpp"
#include "ostree/sysroot.hpp"

#include <map>
#include <string>
#include <vector>

namespace rtnode::ostree {

struct Sysroot::Impl {
    std::filesystem::path path;
    bool private_node = false;
    GObj<OstreeSysroot> sysroot;
    GObj<OstreeRepo> repo;

    /// Owned references to all deployments in boot order.
    std::vector<GObj<OstreeDeployment>> all() const;

    /// The deployment that this value describes, as it is loaded now. @throws Error{DeploymentsChanged}
    GObj<OstreeDeployment> find(const Deployment& deployment) const;

    /// The booted deployment, or its stand-in; nullptr when the stateroot has none.
    GObj<OstreeDeployment> merge(const std::string& stateroot) const;
};

/// The commit object. @throws Error{PartialCommit} when it isn't in the repository
GVariantPtr load_commit(OstreeRepo* repo, const std::string& checksum);

/// Metadata dictionary of a commit; never null.
GVariantPtr commit_metadata(GVariant* commit);

/// One string of a metadata dictionary, empty when absent or of another type.
std::string lookup_string(GVariant* metadata, const char* key);

/// Names and EVRs of rpmostree.rpmdb.pkglist; empty when the commit has none.
std::vector<Nevra> package_list(GVariant* metadata);

/// All local refs below a prefix ("rpmostree/pkg"), by full name.
std::map<std::string, std::string> refs(OstreeRepo* repo, const std::string& prefix);
/// The remotes' too, as "remote:ref".
std::map<std::string, std::string> all_refs(OstreeRepo* repo);

/// The commit of a ref or "remote:ref"; empty when there is no such ref.
std::string commit_of(OstreeRepo* repo, const std::string& refspec);

/// Sets one local ref, or deletes it when the checksum is empty. Not atomic with others.
void set_ref(OstreeRepo* repo, const std::string& ref, const std::string& checksum);

/// Sets refs, "remote:ref" too (empty checksum: deletes), in one libostree transaction.
void set_refs(OstreeRepo* repo, const std::map<std::string, std::string>& changes);

/// libostree leaves the folders of deleted refs; removes the empty ones of rtnode/tmp.
void remove_empty_ref_folders(const Sysroot& sysroot);

/// "<stateroot> <checksum>.<serial>", for messages.
std::string label(const Deployment& deployment);

} // namespace rtnode::ostree
