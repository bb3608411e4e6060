#pragma once
// The base's packages, the repositories' and the callers' files as one libsolv pool: one for each job, in the worker.
// Inside of plan/ only.

#include "plan/solv.hpp"
#include "plan/solve.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::plan {

class PackagePool {
  public:
    /// @throws Error{CorruptObject} when the base's rpmdb can't be read, Error{RepositoryMetadata}
    explicit PackagePool(const SolveInput& input);
    ~PackagePool();
    PackagePool(const PackagePool&) = delete;
    PackagePool& operator=(const PackagePool&) = delete;

    Pool* pool() const { return pool_.get(); }

    /// Adds a package file. @throws Error{DamagedPackage, WrongArchitecture}
    Id add_file(const Wish& wish);

    /// Adds the file lists of a repository. index() must follow.
    void add_filelists(const RepositoryInput& repository);

    /// To be called when all is added, before anything is looked up by dependency.
    void index();

    bool is_installed(Id id) const { return pool_->solvables[id].repo == pool_->installed; }
    std::vector<Id> installed() const;
    std::vector<Id> installed(std::string_view name) const;
    /// Of repositories and files, neither excluded nor of a foreign architecture, by name.
    std::vector<Id> available(std::string_view name) const;
    /// Of repositories, of any architecture, excluded ones too: to say why there is nothing.
    std::vector<Id> hidden(std::string_view name) const;
    /// All names (base: of the base only), sorted.
    std::vector<std::string> names(bool base) const;

    std::string name(Id id) const;
    std::string arch(Id id) const;
    Nevra nevra(Id id) const;
    bool provides(Id id, std::string_view name) const; ///< by name, any version
    std::vector<Id> requirements(Id id) const;         ///< dependency ids
    std::vector<Id> providers(Id dependency) const;
    const Wish* wish_of(Id id) const;                  ///< of a package file, else null
    const RepositoryInput* repository_of(Id id) const; ///< else null
    NewPackage new_package(Id id) const;
    int compare_evr(Id a, Id b) const; ///< rpm's version order: below, equal to, above 0
    bool native(Id id) const;          ///< of the base's own architecture or noarch

  private:
    void add_base(const std::filesystem::path& folder);
    void add_repository(const RepositoryInput& repository);
    const Solvable& solvable(Id id) const { return pool_->solvables[id]; }

    PoolHandle pool_;
    std::string architecture_;
    Repo* files_ = nullptr;
    std::map<const Repo*, const RepositoryInput*> repositories_;
    std::map<Id, Wish> wishes_;
    std::vector<Id> excluded_ids_; ///< by Repository::exclude and include
    Map considered_{};             ///< all but those
    std::map<std::string, std::vector<Id>, std::less<>> installed_by_name_, available_by_name_, hidden_by_name_;
};

/// Up to three of `names` that look like `name`, best first, as "; did you mean …?", empty when there is none.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

} // namespace rtnode::plan
