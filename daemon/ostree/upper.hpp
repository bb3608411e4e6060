#pragma once
// The upper directory of an unmounted overlay, turned into what libostree can import. Private to daemon/ostree.

#include "ostree/handles.hpp"

namespace rtnode::ostree {

/// Walks `upper` and the base's mutable tree together: whiteouts (character device 0/0) and opaque folders become
/// removals in the tree, overlay's own attributes are stripped, times are set to 0, top-level entries other than usr
/// are dropped (they are mount points of the sandbox or live in /var).
/// Format: Linux Documentation/filesystems/overlayfs.rst.
/// @throws Error{CommitFailed} for redirects, metadata-only copies and files that a commit can't hold
void merge_upper(int upper_fd, OstreeMutableTree* tree);

} // namespace rtnode::ostree
