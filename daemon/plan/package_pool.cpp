#include "plan/package_pool.hpp"

#include "state/error.hpp"

extern "C" {
#include <solv/chksum.h>
#include <solv/evr.h>
#include <solv/repo_repomdxml.h>
#include <solv/repo_rpmdb.h>
#include <solv/repo_rpmmd.h>
#include <solv/solv_xfopen.h>
}
#include <rpm/rpmmacro.h>

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <tuple>

namespace rtnode::plan {
namespace {

/// libsolvext reads the rpmdb by librpm, whose macro %_dbpath says where; unset, it would look for the host's, and
/// Debian's rpm sets it to a folder in $HOME. So it is set for as long as the database is read. The only use of librpm
/// in plan/.
class DatabasePath {
  public:
    explicit DatabasePath(const std::filesystem::path& folder) {
        rpmPushMacro(nullptr, "_dbpath", nullptr, folder.c_str(), RMIL_CMDLINE);
    }
    ~DatabasePath() { rpmPopMacro(nullptr, "_dbpath"); }
    DatabasePath(const DatabasePath&) = delete;
    DatabasePath& operator=(const DatabasePath&) = delete;
};

FileHandle open_metadata(const RepositoryInput& input, const std::filesystem::path& path) {
    FileHandle file(solv_xfopen(path.c_str(), "r"));
    if (!file)
        throw fail(Reason::RepositoryMetadata, "repository '{}' (defined at {}): its metadata {} can't be opened",
                   input.repository.id, input.repository.defined_at, path.string());
    return file;
}

/// Whether one of the forms in which dnf takes package names fits: name, name.arch, name-[epoch:]version,
/// name-[epoch:]version-release, name-[epoch:]version-release.arch.
bool matches(const std::string& glob, const Nevra& nevra) {
    const auto fits = [&](const std::string& text) { return fnmatch(glob.c_str(), text.c_str(), 0) == 0; };
    if (fits(nevra.name)) return true;
    if (glob.find_first_of("-.*?[") == std::string::npos) return false;
    if (fits(nevra.name + "." + nevra.arch)) return true;
    for (const auto& epoch : {std::string(), std::to_string(nevra.epoch) + ":"}) {
        const auto version = nevra.name + "-" + epoch + nevra.version, full = version + "-" + nevra.release;
        if (fits(version) || fits(full) || fits(full + "." + nevra.arch)) return true;
    }
    return false;
}

Error unreadable(const RepositoryInput& input, const char* type, Pool* pool) {
    return fail(Reason::RepositoryMetadata,
                "repository '{}' (defined at {}): its {} metadata can't be read: {}; have the repository made anew, or "
                "disable it",
                input.repository.id, input.repository.defined_at, type, pool_errstr(pool));
}

} // namespace

PackagePool::PackagePool(const SolveInput& input) : pool_(pool_create()), architecture_(input.architecture) {
    pool_setdisttype(pool_.get(), DISTTYPE_RPM);
    pool_setarch(pool_.get(), input.architecture.c_str());
    // As rpm does: packages of two architectures stand beside each other (multilib).
    pool_set_flag(pool_.get(), POOL_FLAG_OBSOLETEUSESCOLORS, 1);
    pool_set_flag(pool_.get(), POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS, 1);
    add_base(input.rpmdb_folder);
    files_ = repo_create(pool_.get(), "@files");
    files_->priority = 1; // above every repository
    for (const auto& repository : input.repositories)
        add_repository(repository);
}

PackagePool::~PackagePool() {
    pool_->considered = nullptr;
    map_free(&considered_);
}

void PackagePool::add_base(const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    // librpm would make an empty database where there is none.
    if (!fs::exists(folder / "rpmdb.sqlite") && !fs::exists(folder / "Packages") && !fs::exists(folder / "Packages.db"))
        throw fail(Reason::CorruptObject, "the base has no RPM database (looked for rpmdb.sqlite, Packages.db and "
                                          "Packages in the copy of its usr/share/rpm)");
    auto* repo = repo_create(pool_.get(), "@base");
    pool_set_installed(pool_.get(), repo);
    const DatabasePath path(fs::absolute(folder)); // librpm reads a relative one as a name within its root
    if (repo_add_rpmdb(repo, nullptr, 0) != 0)
        throw fail(Reason::CorruptObject,
                   "the base's RPM database can't be read: {}; check the base commit with "
                   "'ostree fsck'",
                   pool_errstr(pool_.get()));
    if (repo->nsolvables == 0) throw fail(Reason::CorruptObject, "the base's RPM database holds no package");
}

void PackagePool::add_repository(const RepositoryInput& input) {
    auto* repo = repo_create(pool_.get(), input.repository.id.c_str());
    repositories_[repo] = &input;
    repo->priority = -input.repository.priority; // dnf's lower is better, libsolv's higher
    repo->subpriority = -input.repository.cost;
    const auto file = open_metadata(input, input.files.primary);
    if (repo_add_rpmmd(repo, file.get(), nullptr, 0) != 0) throw unreadable(input, "primary", pool_.get());
    Id id = 0;
    Solvable* package = nullptr;
    const auto& [include, exclude] = std::tie(input.repository.include, input.repository.exclude);
    const auto matched = [&](const std::vector<std::string>& globs) {
        return std::any_of(globs.begin(), globs.end(), [&](const auto& glob) { return matches(glob, nevra(id)); });
    };
    FOR_REPO_SOLVABLES(repo, id, package) {
        if (include.empty() && exclude.empty()) break;
        if ((!include.empty() && !matched(include)) || matched(exclude)) excluded_ids_.push_back(id);
    }
    if (input.files.filelists) add_filelists(input);
}

void PackagePool::add_filelists(const RepositoryInput& input) {
    const auto found = std::find_if(repositories_.begin(), repositories_.end(),
                                    [&](const auto& pair) { return pair.second == &input; });
    auto* repo = const_cast<Repo*>(found->first);
    const auto file = open_metadata(input, *input.files.filelists);
    if (repo_add_rpmmd(repo, file.get(), "FL", REPO_EXTEND_SOLVABLES | REPO_LOCALPOOL) != 0)
        throw unreadable(input, "filelists", pool_.get());
}

Id PackagePool::add_file(const Wish& wish) {
    const Id id = repo_add_rpm(files_, wish.file->path.c_str(), RPM_ADD_NO_RPMLIBREQS | REPO_REUSE_REPODATA);
    if (id == 0)
        throw fail(Reason::DamagedPackage, "'{}' can't be read as a package: {}", wish.source,
                   pool_errstr(pool_.get()));
    if (!pool_->id2arch || solvable(id).arch > pool_->lastarch || pool_->id2arch[solvable(id).arch] == 0)
        throw fail(Reason::WrongArchitecture, "'{}' is for {}, and this node is {}; get the package for {}",
                   wish.source.empty() ? nevra(id).str() : wish.source, arch(id), architecture_, architecture_);
    wishes_[id] = wish;
    return id;
}

void PackagePool::index() {
    std::sort(excluded_ids_.begin(), excluded_ids_.end());
    if (!excluded_ids_.empty()) {
        map_free(&considered_);
        map_init(&considered_, pool_->nsolvables);
        map_setall(&considered_);
        for (const Id id : excluded_ids_)
            MAPCLR(&considered_, id);
        pool_->considered = &considered_;
    }
    pool_addfileprovides(pool_.get());
    pool_createwhatprovides(pool_.get());
    installed_by_name_.clear();
    available_by_name_.clear();
    hidden_by_name_.clear();
    for (Id id = 2; id < pool_->nsolvables; ++id) { // 0 is none, 1 the system
        const auto& package = solvable(id);
        if (package.repo == nullptr || package.arch == ARCH_SRC || package.arch == ARCH_NOSRC) continue;
        if (package.repo == pool_->installed) {
            installed_by_name_[name(id)].push_back(id);
            continue;
        }
        const bool excluded = std::binary_search(excluded_ids_.begin(), excluded_ids_.end(), id);
        const bool foreign = package.arch > pool_->lastarch || pool_->id2arch[package.arch] == 0;
        (excluded || foreign ? hidden_by_name_ : available_by_name_)[name(id)].push_back(id);
    }
}

std::vector<Id> PackagePool::installed() const {
    std::vector<Id> all;
    Id id = 0;
    Solvable* package = nullptr;
    FOR_REPO_SOLVABLES(pool_->installed, id, package) all.push_back(id);
    return all;
}

namespace {

std::vector<Id> found(const std::map<std::string, std::vector<Id>, std::less<>>& map, std::string_view name) {
    const auto entry = map.find(name);
    return entry == map.end() ? std::vector<Id>{} : entry->second;
}

} // namespace

std::vector<Id> PackagePool::installed(std::string_view name) const {
    return found(installed_by_name_, name);
}
std::vector<Id> PackagePool::available(std::string_view name) const {
    return found(available_by_name_, name);
}
std::vector<Id> PackagePool::hidden(std::string_view name) const {
    return found(hidden_by_name_, name);
}

std::vector<std::string> PackagePool::names(bool base) const {
    std::vector<std::string> all;
    for (const auto& entry : base ? installed_by_name_ : available_by_name_)
        all.push_back(entry.first);
    return all;
}

std::string PackagePool::name(Id id) const {
    return pool_id2str(pool_.get(), solvable(id).name);
}
std::string PackagePool::arch(Id id) const {
    return pool_id2str(pool_.get(), solvable(id).arch);
}

Nevra PackagePool::nevra(Id id) const {
    Nevra result;
    result.name = name(id);
    result.arch = arch(id);
    std::string_view evr = pool_id2str(pool_.get(), solvable(id).evr);
    if (const auto colon = evr.find(':'); colon != std::string_view::npos) {
        std::from_chars(evr.data(), evr.data() + colon, result.epoch);
        evr.remove_prefix(colon + 1);
    }
    const auto dash = evr.rfind('-');
    result.version = evr.substr(0, dash);
    if (dash != std::string_view::npos) result.release = evr.substr(dash + 1);
    return result;
}

bool PackagePool::provides(Id id, std::string_view wanted) const {
    const auto& package = solvable(id);
    if (package.dep_provides == 0) return false;
    for (const Id* dependency = package.repo->idarraydata + package.dep_provides; *dependency != 0; ++dependency) {
        Id plain = *dependency;
        while (ISRELDEP(plain))
            plain = GETRELDEP(pool_.get(), plain)->name;
        if (wanted == pool_id2str(pool_.get(), plain)) return true;
    }
    return false;
}

std::vector<Id> PackagePool::requirements(Id id) const {
    SolvQueue queue;
    solvable_lookup_deparray(&pool_->solvables[id], SOLVABLE_REQUIRES, queue.get(), -1);
    return {queue.begin(), queue.end()};
}

std::vector<Id> PackagePool::providers(Id dependency) const {
    std::vector<Id> all;
    for (const Id* id = pool_whatprovides_ptr(pool_.get(), dependency); *id != 0; ++id)
        all.push_back(*id);
    return all;
}

const Wish* PackagePool::wish_of(Id id) const {
    const auto entry = wishes_.find(id);
    return entry == wishes_.end() ? nullptr : &entry->second;
}

const RepositoryInput* PackagePool::repository_of(Id id) const {
    const auto entry = repositories_.find(solvable(id).repo);
    return entry == repositories_.end() ? nullptr : entry->second;
}

int PackagePool::compare_evr(Id a, Id b) const {
    return pool_evrcmp(pool_.get(), solvable(a).evr, solvable(b).evr, EVRCMP_COMPARE);
}

bool PackagePool::native(Id id) const {
    return arch(id) == architecture_ || solvable(id).arch == ARCH_NOARCH;
}

NewPackage PackagePool::new_package(Id id) const {
    NewPackage result;
    result.nevra = nevra(id);
    if (const auto* wish = wish_of(id)) {
        result.file = wish->file;
        result.source = wish->source;
        result.installed_size = wish->file->installed_size;
        return result;
    }
    const auto& input = *repository_of(id);
    auto* package = &pool_->solvables[id];
    const auto unusable = [&](const std::string& why) {
        return fail(Reason::RepositoryMetadata,
                    "repository '{}' (defined at {}): its metadata of package '{}' {}; have "
                    "the repository made anew",
                    input.repository.id, input.repository.defined_at, result.nevra.str(), why);
    };
    result.repository = input.repository.id;
    result.repository_signed = input.files.signature_verified;
    result.installed_size = solvable_lookup_num(package, SOLVABLE_INSTALLSIZE, 0);
    auto& download = result.download;
    download.what = fmt::format("package '{}' of repository '{}'", result.nevra.str(), input.repository.id);
    download.access = fetch::access_of(input.repository);
    unsigned media = 0;
    const char* location = solvable_lookup_location(package, &media);
    if (location == nullptr) throw unusable("names no file");
    // The daemon opens file:// repositories as root: a path must not lead out of them.
    const std::string path = fmt::format("/{}/", location);
    if (path.find("/../") != std::string::npos) throw unusable("names a file outside of the repository");
    if (const char* base = solvable_lookup_str(package, SOLVABLE_MEDIABASE)) {
        download.urls.push_back(fetch::joined(base, location));
        const bool local = !input.files.base_urls.empty() && input.files.base_urls[0].starts_with("file:");
        if (download.urls[0].starts_with("file:") && !local) throw unusable("leads to the node's own files");
    } else {
        for (const auto& base_url : input.files.base_urls)
            download.urls.push_back(fetch::joined(base_url, location));
    }
    Id type = 0;
    const char* hex = solvable_lookup_checksum(package, SOLVABLE_CHECKSUM, &type);
    if (hex == nullptr) throw unusable("names no checksum");
    download.checksum = fetch::Checksum{solv_chksum_type2str(type), hex};
    const auto size = solvable_lookup_num(package, SOLVABLE_DOWNLOADSIZE, 0);
    if (size == 0) throw unusable("names no size");
    download.size = size;
    return result;
}

} // namespace rtnode::plan
