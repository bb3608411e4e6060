#pragma once
// Walks the directory objects of a commit without a checkout. Private to daemon/ostree.

#include "ostree/handles.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::ostree {

/// One entry of a directory object.
struct TreeEntry {
    std::string name;
    bool is_folder = false;
    std::string checksum;      ///< of the file object, or of the dirtree object
    std::string meta_checksum; ///< of the dirmeta object; folders only
};

/// What a file object says besides its content.
struct FileFacts {
    std::uint32_t uid = 0, gid = 0, mode = 0; ///< mode with type bits
    std::uint64_t size = 0;                   ///< bytes
    std::string link_target;                  ///< symlinks
    GVariantPtr xattrs;                       ///< a(ayay)
};

class Tree {
  public:
    /// @throws Error{PartialCommit, CorruptObject}
    Tree(OstreeRepo* repo, const std::string& commit);

    /// A root that isn't committed yet; `metadata` is null then.
    Tree(OstreeRepo* repo, TreeEntry root);

    const TreeEntry& root() const { return root_; }
    const std::string& commit() const { return commit_; }
    GVariant* metadata() const { return metadata_.get(); } ///< of the commit

    /// Entry at a path ("/usr/share/rpm" or without slash); links aren't followed. Nothing when absent.
    std::optional<TreeEntry> find(std::string_view path) const;

    /// Entries of a folder, files first, each sorted by name.
    const std::vector<TreeEntry>& list(const TreeEntry& folder) const;

    FileFacts facts(const TreeEntry& file) const;

    /// Content of a regular file. @throws Error{CommitFailed} above max_bytes
    std::string content(const TreeEntry& file, std::uint64_t max_bytes) const;

    /// Hex digest of a regular file's content.
    std::string digest(const TreeEntry& file, GChecksumType type) const;

    /// Calls `use(path, entry)` for all that is below a folder; paths are relative to the tree's root.
    void walk(const std::string& path, const TreeEntry& folder,
              const std::function<void(const std::string&, const TreeEntry&)>& use) const;

    /// Names of usr/lib/modules/* that hold a vmlinuz, sorted.
    std::vector<std::string> kernels() const;

  private:
    OstreeRepo* repo_;
    std::string commit_;
    GVariantPtr commit_object_, metadata_;
    TreeEntry root_;
    mutable std::map<std::string, std::vector<TreeEntry>> listed_; // by dirtree checksum
};

/// "a/b/c" → {"a","b","c"}; empty parts and "." are left out.
std::vector<std::string> path_parts(std::string_view path);

} // namespace rtnode::ostree
