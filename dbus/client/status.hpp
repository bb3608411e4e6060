#pragma once
// `rtnodectl status`, in the manner of `rpm-ostree status`.

#include "client/fields.hpp"

#include <string>

namespace rtnode::client {

/// The text of `status`, made of org.rtnode1.Manager's properties. Keys end at one column, as rpm-ostree's do. With
/// @p color the booted deployment is bold, as are new kernel arguments.
std::string format_status(const Json& manager, bool color = false);

/// Names grouped by what they share: {a-1-1.x86_64, b-1-1.x86_64, c-2-1.noarch} is "a b 1-1, c 2-1".
std::string group_by_evr(const std::vector<std::string>& nevras);

/// Likewise, of rows {before, after}: "microcode_ctl 4:a -> 4:b".
std::string group_replaced(const Json& rows);

} // namespace rtnode::client
