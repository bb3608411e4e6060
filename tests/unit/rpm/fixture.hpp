#pragma once
// RPM files and an RPM database, made with rpmbuild, rpmsign and rpm when the first test asks (about a second, no
// root).

#include "state/error.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace rtnode::test {

class RpmFixture {
  public:
    /// Made once a test program, removed at its end.
    static const RpmFixture& get();

    /// "signed", "unsigned", "other-arch", "foreign" (signed by stranger_key(), which the database hasn't), "delegated"
    /// (signed by a subkey of the second of two_keys()).
    std::filesystem::path package(const std::string& name) const { return folder_ / (name + ".rpm"); }
    std::filesystem::path key() const { return folder_ / "key.asc"; } ///< armoured
    std::filesystem::path binary_key() const { return folder_ / "key.gpg"; }
    std::filesystem::path stranger_key() const { return folder_ / "stranger.asc"; } ///< of "foreign"
    std::filesystem::path two_keys() const { return folder_ / "two-keys.gpg"; }     ///< binary, one after the other
    std::filesystem::path database() const { return folder_ / "rpmdb"; } ///< kernel-core, two others, the key
    std::filesystem::path berkeley_database() const { return folder_ / "berkeley"; } ///< the same, as EL8 keeps it
    std::filesystem::path folder() const { return folder_; }

    /// A copy of a package with one byte changed or cut; `at` from the begin, or from the end when negative.
    std::filesystem::path flipped(const std::string& name, long at) const;
    std::filesystem::path cut(const std::string& name, std::uintmax_t size) const;

  private:
    RpmFixture();
    ~RpmFixture();
    std::filesystem::path folder_;
};

/// The reason of the Error that `action` throws; Reason::Internal when it throws none.
Reason reason_of(const std::function<void()>& action);

} // namespace rtnode::test
