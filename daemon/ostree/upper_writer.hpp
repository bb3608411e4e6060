#pragma once
// How the changed files get into a new commit, with their SELinux labels. Private to daemon/ostree.

#include "ostree/tree.hpp"

#include <filesystem>
#include <string>

namespace rtnode::ostree {

/// Moves the files of an overlay's upper directory, which merge_upper() merged into `tree`, into the repository; only
/// new and changed ones are written. They get the labels that the new tree's own policy gives them.
class UpperWriter {
  public:
    /// @param policy the base's, may be null
    UpperWriter(OstreeRepo* repo, const Tree& base, OstreeSePolicy* policy, std::filesystem::path upper);

    /// @throws Error{CommitFailed} also for a file that the policy has no label for
    void write(int upper_fd, OstreeMutableTree* tree);

  private:
    bool etc_as_usr_etc() const;
    void read_changed_policy(int upper_fd, OstreeMutableTree* tree);
    void write_etc(int upper_fd, OstreeMutableTree* tree);
    void write_folder(int folder_fd, OstreeMutableTree* tree, bool consume);

    OstreeRepo* repo_;
    const Tree& base_;
    GObj<OstreeSePolicy> policy_;
    std::filesystem::path beside_; ///< the upper's parent, for what is needed meanwhile
    std::string context_;
};

} // namespace rtnode::ostree
