#pragma once
// Reading a node's RPM database, and whether it can be written. librpm writes side files next to a database that it
// reads as root, even into the object store through hard links, so everything here works on a private copy.

#include "state/package.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rtnode::rpm {

enum class BackEnd {
    sqlite,
    berkeley_db, ///< of EL8 and older; librpm has only a reader left for it
};

/// @throws Error{UnsupportedRoot} for another one (ndb), for a damaged file, or when there is no database
BackEnd back_end(const std::filesystem::path& rpmdb_folder);

/// For whoever is about to write. @throws as back_end(), and Error{UnsupportedRoot} for what can only be read
void require_writable(const std::filesystem::path& rpmdb_folder);

/// A private copy of an rpmdb, removed with this object.
class DatabaseCopy {
  public:
    /// @param rpmdb_folder e.g. the base deployment's usr/share/rpm
    /// @param scratch an existing folder in which a fresh one is made
    /// @throws as back_end(), Error{NoSpace}, Error{TransactionFailed} when copying fails
    DatabaseCopy(const std::filesystem::path& rpmdb_folder, const std::filesystem::path& scratch);
    ~DatabaseCopy();
    DatabaseCopy(const DatabaseCopy&) = delete;
    DatabaseCopy& operator=(const DatabaseCopy&) = delete;

    const std::filesystem::path& folder() const { return folder_; }

  private:
    std::filesystem::path folder_;
};

/// Every package but the gpg-pubkey entries, ordered as rpm-ostree orders rpmostree.rpmdb.pkglist: by name, then
/// version, then architecture (libdnf's dnf_package_cmp).
/// @throws Error{UnsupportedRoot} when it can't be opened
std::vector<InstalledPackage> installed_packages(const std::filesystem::path& rpmdb_folder);

/// Names of the packages that own files in (usr/)lib/modules/KVER or own that folder, sorted, each once.
std::vector<std::string> owners_of_kernel(const std::filesystem::path& rpmdb_folder, const std::string& kver);

/// Armoured public keys of the gpg-pubkey entries.
std::vector<std::string> public_keys(const std::filesystem::path& rpmdb_folder);

/// rpm's order of epoch, version, release: negative, 0 or positive. Names and architectures don't count.
int compare_evr(const Nevra& left, const Nevra& right);

/// The order of installed_packages().
bool before_in_list(const Nevra& left, const Nevra& right);

/// After the last write: folds the write-ahead log into the database and leaves that mode, so that a reader on a
/// read-only /usr needs no side files; removes side and lock files. Nothing may have the database open.
/// @throws Error{TransactionFailed}, Error{NoSpace}
void seal_database(const std::filesystem::path& rpmdb_folder);

} // namespace rtnode::rpm
