#pragma once
// rpm-ostree's daemon as a neighbour (its src/daemon/org.projectatomic.rpmostree1.xml).

#include <optional>
#include <string>

namespace rtnode::host {

/// What rpm-ostreed is doing for somebody, from its property ActiveTransaction.
struct RpmOstreeTransaction {
    std::string method; ///< "Upgrade"
    std::string client; ///< unique bus name of who asked for it
};

/// Asks on the bus at that address, at most 2 s. Nothing when there is no such bus, when rpm-ostreed isn't running (it is
/// never started by this) or does nothing at the moment.
std::optional<RpmOstreeTransaction> rpm_ostree_transaction(const std::string& bus_address);

} // namespace rtnode::host
