#pragma once
// What is known of kernel arguments: the ones that real-time nodes carry, and the ones that harm or do nothing.

#include "profile/arguments/target_kernel.hpp"

#include <string>
#include <string_view>

namespace rtnode::profile {

enum class Nature {
    usual,
    noted,     ///< works, with a price
    ignored,   ///< nothing reads it, whatever the kernel
    dangerous, ///< works, and harms
    refused    ///< the node may not boot with it
};

struct KnownArgument {
    std::string_view pattern; ///< "nohz_full", with any value; "idle=poll", this token; "rd.*", what begins so
    std::string_view purpose; ///< what it does
    Since since;
    Nature nature = Nature::usual;
    std::string_view trouble; ///< what there is to say when it isn't usual, and what to do instead
};

/// isolcpus= with the flag managed_irq (commit 11ea68f553e2). An older kernel ignores all of an isolcpus= with a flag
/// that it doesn't know. Red Hat's el8 has it at the latest in the build that OpenShift's performance profiles wrote it
/// for.
inline constexpr Since managed_irq_since{5, 6, 8, 193, {}};

/// The most exact row of the table for a token; nullptr when it has none. As the kernel does (kernel/params.c,
/// parameq()) it takes '-' and '_' of a name for the same.
const KnownArgument* known_argument(std::string_view token);

/// The known name that a token was probably meant to have, for "nohzfull=2-3" "nohz_full"; "" = none is near.
std::string_view meant_argument(std::string_view token);

/// What stands before '=', with '_' for '-'.
std::string name_of_argument(std::string_view token);

/// What stands after the first '='; "" when there is none.
std::string_view value_of_argument(std::string_view token);

} // namespace rtnode::profile
