#pragma once
// The tree of one pkgcache commit, to the byte what rpm-ostree's importer makes of the same RPM: it has libostree read
// the payload as an archive with autocreated parents (src/libpriv/rpmostree-importer.cxx, import_rpm_to_repo;
// libostree's ostree-repo-libarchive.c, aic_*), then a folder with the tmpfiles.d snippet. Private to daemon/ostree.

#include "ostree/handles.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace rtnode::ostree {

class PackageTree {
  public:
    /// @param policy labels what is added; may be null
    PackageTree(OstreeRepo* repo, OstreeSePolicy* policy, const std::string& name);

    // Paths are translated and relative ("usr/etc/x"). Call these in the payload's order: folders that the package
    // doesn't list are made on the way, and that resets the metadata of those above them, as in libostree.

    void add_folder(const std::string& path, std::uint32_t mode); ///< with S_IWUSR, as the importer has it
    void add_link(const std::string& path, std::uint32_t mode, const std::string& target);
    void make_place(const std::string& path); ///< for a file whose content comes later

    void add_object(const std::string& path, const std::string& checksum);
    void add_file(const std::string& path, std::uint32_t mode, const std::string& content, const std::string& caps);

    /// usr/lib/rpm-ostree/tmpfiles.d/<package>.conf, last of all. It comes out of a private temporary folder there,
    /// whose mode (0700) becomes the root's.
    void add_snippet(const std::string& package, const std::string& content);

    /// xattrs of an object: capabilities, then the label.
    GVariantPtr attributes(const std::string& path, std::uint32_t mode, const std::string& caps) const;

    /// The finished root, with metadata.
    OstreeMutableTree* root();

  private:
    OstreeMutableTree* parent_of(const std::string& path);
    OstreeMutableTree* set_folder(const std::string& path, std::uint32_t mode);

    OstreeRepo* repo_;
    OstreeSePolicy* policy_;
    std::string context_;
    GObj<OstreeMutableTree> root_;
    std::map<std::string, GObj<OstreeMutableTree>> folders_; ///< by path; the root is ""
};

} // namespace rtnode::ostree
