#pragma once
// A new base commit from an origin's remote, verified as that remote's configuration says.

#include "ostree/sysroot.hpp"

#include <functional>
#include <memory>
#include <string>

namespace rtnode::ostree {

/// "fedora:fedora/x86_64/coreos/stable" in its two parts.
struct RemoteRef {
    std::string remote; ///< empty: a branch of the node's own repository
    std::string ref;
    std::string str() const { return remote.empty() ? ref : remote + ":" + ref; }
};

/// Where an origin's updates come from.
/// @throws Error{UnusableOrigin} for a container image and a bare checksum, and says what to do instead
RemoteRef remote_of(const Origin& origin);

/// A complete commit, held by the temporary ref rtnode/tmp/JOB/base while this lives.
class PulledBase {
  public:
    PulledBase(Sysroot& sysroot, std::string job, std::string checksum);
    ~PulledBase();
    PulledBase(const PulledBase&) = delete;
    PulledBase& operator=(const PulledBase&) = delete;

    const std::string& checksum() const { return checksum_; }

  private:
    Sysroot& sysroot_;
    std::string ref_, checksum_;
};

/// Brings the ref's newest commit; of a branch of no remote, looks it up. The remote's own ref stays where it is until
/// deploy() moves it: else a later rpm-ostree operation would take a base that nobody has deployed (rpm-ostree #5384).
/// @param current the base commit now: an older one is no update
/// @param canceled asked about once a second
/// @throws Error{DownloadFailed, BadSignature, OlderBase, NoSpace, Canceled, UnusableOrigin}
std::unique_ptr<PulledBase> pull(Sysroot& sysroot, const RemoteRef& from, const std::string& job,
                                 const std::string& current, const std::function<bool()>& canceled);

/// Deletes what a killed pull left under the temporary remote name.
void remove_pulled_refs(Sysroot& sysroot);

} // namespace rtnode::ostree
