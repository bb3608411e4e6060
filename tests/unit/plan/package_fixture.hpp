#pragma once
// A base RPM database made by the real rpmbuild and rpm, and repositories as rpm-md XML, as createrepo_c writes it.

#include "plan/solve.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rtnode {

/// Packages built once for all tests of this executable: the base's in an rpmdb, others as files.
class BuiltPackages {
  public:
    static const BuiltPackages& get();
    ~BuiltPackages();
    BuiltPackages(const BuiltPackages&) = delete;
    BuiltPackages& operator=(const BuiltPackages&) = delete;
    std::filesystem::path rpmdb() const;
    std::filesystem::path berkeley_rpmdb() const; ///< the same, as EL8 keeps it
    /// One of the files, as rpm/ would describe it after its checks.
    PackageFileOnDisk file(const std::string& nevra) const;

  private:
    BuiltPackages();
    std::filesystem::path folder_;
};

/// A package of a repository. Dependencies are "name" or "name OP [epoch:]version[-release]".
struct Row {
    std::string nevra;
    std::vector<std::string> provides, needs, conflicts, obsoletes, files;
};

/// Writes `folder/ID-primary.xml` (files of primary: those in bin folders and /etc) and `ID-filelists.xml` with all.
plan::RepositoryInput repository(const std::filesystem::path& folder, const std::string& id,
                                 const std::vector<Row>& rows);

} // namespace rtnode
