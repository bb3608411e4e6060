#pragma once
// The RPM file of each package that an origin or a commit pins, wherever it is.

#include "ostree/sysroot.hpp"
#include "rpm/keyring.hpp"
#include "state/desired_packages.hpp"
#include "state/package.hpp"
#include "worker/package_store.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace rtnode::worker {

class Payloads {
  public:
    /// @param folder of this job, made when needed: for files made out of rpm-ostree's package cache
    Payloads(const ostree::Sysroot& sysroot, const PackageStore& store, const rpm::Keyring& keyring,
             std::filesystem::path folder)
        : sysroot_(sysroot), store_(store), keyring_(keyring), folder_(std::move(folder)) {}

    /// From our store, else made of what rpm-ostree keeps of it: its headers byte for byte, its files compared with
    /// their digests there, the payload compressed anew. Trusted as it was when it came in: the pin's hash says that it
    /// is the same. @throws Error{ForeignLayering, DamagedPackage, CorruptObject, NoSpace}
    const PackageFileOnDisk& find(const PinnedPackage& pin);

    /// Whether find() made this file. Such a one isn't for the store: as a whole it isn't what its maker signed.
    bool rebuilt(const PackageFileOnDisk& package) const { return package.path.parent_path() == folder_; }

  private:
    const ostree::Sysroot& sysroot_;
    const PackageStore& store_;
    const rpm::Keyring& keyring_;
    std::filesystem::path folder_;
    std::map<std::string, PackageFileOnDisk> found_; ///< by header SHA-256
};

} // namespace rtnode::worker
