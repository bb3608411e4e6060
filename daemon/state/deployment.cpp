#include "state/deployment.hpp"

namespace rtnode {

bool Origin::layered() const {
    return !requested.empty() || !requested_local.empty() || !overrides_remove.empty() ||
           !overrides_replace_local.empty() || !overrides_replace.empty() || !requested_fileoverride.empty() ||
           !initramfs_etc.empty() || regenerate_initramfs;
}

} // namespace rtnode
