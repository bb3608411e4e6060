#pragma once
// The order of deployments, and with it what is booted next. No commit is made and none goes.

#include "ostree/sysroot.hpp"

#include <string>

namespace rtnode::ostree {

/// The other deployment first: the booted one (or its stand-in) when something is pending before it, else the one
/// after it. A staged deployment is dropped. @throws Error{NoRollbackDeployment}
Deployment rollback(Sysroot& sysroot, const std::string& stateroot);

/// Removes what is pending before the booted deployment (or its stand-in). @throws Error{NoPendingDeployment}
Deployment drop_pending(Sysroot& sysroot, const std::string& stateroot);

/// That deployment first; a staged one is dropped. @throws Error{DeploymentsChanged} when it isn't there
Deployment boot_next(Sysroot& sysroot, const Deployment& deployment);

/// Pins it, so that no clean-up takes it, or unpins it. Needs the sysroot lock. @throws Error{DeployFailed}
void set_pinned(Sysroot& sysroot, const Deployment& deployment, bool pinned);

} // namespace rtnode::ostree
