#pragma once
// A remote's ref moves right before the deployment of what was pulled. Notes tell whoever comes after a kill between
// the two to move it back: rpm-ostree would take the new base for the deployed one. Private to daemon/ostree.

#include "ostree/sysroot.hpp"

#include <map>
#include <string>
#include <vector>

namespace rtnode::ostree {

/// Holds the notes while it lives: local refs rtnode/tmp/moved/before/REMOTE/REF and …/after/REMOTE/REF.
class MoveNotes {
  public:
    /// @param moves "remote:ref" → commit
    MoveNotes(Sysroot& sysroot, const std::map<std::string, std::string>& moves);
    ~MoveNotes();
    MoveNotes(const MoveNotes&) = delete;
    MoveNotes& operator=(const MoveNotes&) = delete;

  private:
    Sysroot& sysroot_;
    bool any_;
};

/// Moves noted refs back unless a deployment has their commit as its base, and deletes the notes.
/// @return the refs that were moved back, for the log
std::vector<std::string> take_back_moves(Sysroot& sysroot);

} // namespace rtnode::ostree
