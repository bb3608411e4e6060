#pragma once
// An OSTree sysroot: its deployments as values, its lock, its folders. No type of libostree leaves this folder.

#include "state/deployment.hpp"
#include "state/error.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rtnode::ostree {

/// For a worker on a booted node, single-threaded still: own mount namespace with recursive slave propagation, so that
/// libostree may remount /sysroot and /boot writable without anybody seeing it. Sysroot objects made later know.
/// @throws Error{SandboxUnavailable}
void enter_private_mounts();

/// Holds the sysroot's lock (<sysroot>/ostree/lock, shared with rpm-ostree and `ostree admin`) until destroyed.
class SysrootLock {
  public:
    SysrootLock(SysrootLock&&) noexcept;
    SysrootLock& operator=(SysrootLock&&) noexcept;
    ~SysrootLock();

  private:
    friend class Sysroot;
    struct State;
    explicit SysrootLock(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class Sysroot {
  public:
    /// @param path "/" for the running node, else a sysroot folder
    /// @param private_node the sysroot is a folder on some host (tests, images): the host's boot state says nothing
    /// @throws Error{NotOstree} when there is no sysroot at that path
    explicit Sysroot(std::filesystem::path path, bool private_node = false);
    ~Sysroot();
    Sysroot(Sysroot&&) noexcept;
    Sysroot& operator=(Sysroot&&) noexcept;

    const std::filesystem::path& path() const;
    bool private_node() const;
    bool booted() const; ///< one of the deployments is what runs now; staging is possible only then

    /// All deployments in boot order, the staged one first; every field filled.
    std::vector<Deployment> deployments() const;

    /// Reads the sysroot again if its stamp changed. @return whether it did
    bool reload_if_changed();
    void reload(); ///< reads it again in any case

    /// Takes the lock, asking again until `wait` is over; then loads what is on disk.
    /// @param canceled asked about ten times a second
    /// @throws Error{SysrootLocked}, Error{Canceled}
    SysrootLock lock(std::chrono::milliseconds wait, const std::function<bool()>& canceled = {});

    /// Hex digest of what a change builds on: deployments, their origins and kargs, the staged record, and rpm-ostree's
    /// refs, all read from disk now. Differs iff somebody changed one of them.
    std::string fingerprint() const;

    /// The stateroot that a request means: `os` when given, else the booted one, else the only one with deployments.
    /// @throws Error{AmbiguousStateroot}, Error{NotOstree} (no such, or no deployment in it)
    std::string stateroot(const std::string& os = {}) const;

    /// The deployment whose origin and kernel arguments a change starts from: the pending one if there is one.
    Deployment starting_point(const std::string& stateroot) const;

    /// The deployment whose /etc is merged and which stays as the way back: the booted one. In a sysroot that isn't
    /// booted the last deployment of the stateroot stands in for it (`booted` stays false then).
    Deployment merge_deployment(const std::string& stateroot) const;

    std::filesystem::path deployment_folder(const Deployment& deployment) const;
    std::filesystem::path repo_folder() const;
    std::filesystem::path boot_folder() const;

    std::uint64_t free_boot_bytes() const; ///< free for root on the file system of /boot
    std::uint64_t free_repo_bytes() const; ///< free for root on the file system of the repository

    struct Impl; ///< libostree's side, seen by daemon/ostree only (sysroot_impl.hpp)
    Impl& impl() const { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

} // namespace rtnode::ostree
