#include "rpm/database.hpp"

#include "rpm/configuration.hpp"
#include "rpm/handles.hpp"
#include "rpm/header.hpp"
#include "state/error.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <set>
#include <system_error>

namespace rtnode::rpm {
namespace {

namespace fs = std::filesystem;

/// Calls `each` for every header, gpg-pubkey entries included.
void for_each(const fs::path& folder, const std::function<void(Header)>& each) {
    back_end(folder); // a wrong path must not create a database; librpm finds out for itself which one is there
    read_configuration();
    const ScopedMacro place("_dbpath", fs::absolute(folder).string());
    const TransactionHandle transaction{rpmtsCreate()};
    rpmtsSetVSFlags(transaction.get(), static_cast<rpmVSFlags>(RPMVSF_MASK_NOSIGNATURES | RPMVSF_MASK_NODIGESTS));
    if (rpmtsOpenDB(transaction.get(), O_RDONLY) != 0)
        throw fail(Reason::UnsupportedRoot, "the RPM database in '{}' can't be opened; it may be damaged",
                   folder.string());
    IteratorHandle packages{rpmtsInitIterator(transaction.get(), RPMDBI_PACKAGES, nullptr, 0)};
    while (const Header header = rpmdbNextIterator(packages.get()))
        each(header);
    packages.reset();
    rpmtsCloseDB(transaction.get());
}

bool below_modules(std::string_view folder, std::string_view kver) {
    for (const std::string_view root : {"/usr/lib/modules/", "/lib/modules/"})
        if (folder.starts_with(root)) {
            const auto rest = folder.substr(root.size());
            return rest.starts_with(kver) && rest.size() > kver.size() && rest[kver.size()] == '/';
        }
    return false;
}

bool owns_kernel(Header header, std::string_view kver) {
    const auto folders = strings_of(header, RPMTAG_DIRNAMES);
    if (std::any_of(folders.begin(), folders.end(), [&](const auto& folder) { return below_modules(folder, kver); }))
        return true;
    // Or nothing but the folder itself.
    for (std::size_t i = 0; i < folders.size(); ++i)
        if (folders[i] == "/usr/lib/modules/" || folders[i] == "/lib/modules/") {
            const auto names = strings_of(header, RPMTAG_BASENAMES);
            const auto indexes = numbers_of(header, RPMTAG_DIRINDEXES);
            for (std::size_t file = 0; file < names.size() && file < indexes.size(); ++file)
                if (indexes[file] == i && names[file] == kver) return true;
        }
    return false;
}

struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
};

void run_sql(sqlite3* database, const fs::path& file, const char* sql) {
    if (const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr); code != SQLITE_OK)
        throw fail(code == SQLITE_FULL ? Reason::NoSpace : Reason::TransactionFailed,
                   "the new RPM database '{}' could not be closed for good ({}): {}", file.string(), sql,
                   sqlite3_errmsg(database));
}

/// What of a database's folder holds its content.
std::vector<const char*> content_of(const fs::path& folder) {
    if (back_end(folder) == BackEnd::berkeley_db) return {"Packages"}; // all others are indexes
    // A log that was never folded in holds part of the truth.
    if (const auto log = folder / "rpmdb.sqlite-wal"; fs::exists(log) && fs::file_size(log) > 0)
        return {"rpmdb.sqlite", "rpmdb.sqlite-wal"};
    return {"rpmdb.sqlite"};
}

} // namespace

BackEnd back_end(const fs::path& rpmdb_folder) {
    if (const auto file = rpmdb_folder / "rpmdb.sqlite"; fs::exists(file)) {
        constexpr std::string_view magic = "SQLite format 3";
        std::string front(magic.size(), '\0');
        std::ifstream stream(file, std::ios::binary);
        if (!stream.read(front.data(), static_cast<std::streamsize>(front.size())) || front != magic)
            throw fail(Reason::UnsupportedRoot, "the RPM database '{}' is damaged: it is no sqlite file",
                       file.string());
        return BackEnd::sqlite;
    }
    if (fs::exists(rpmdb_folder / "Packages.db"))
        throw fail(Reason::UnsupportedRoot,
                   "the RPM database in '{}' has the ndb back end, which isn't supported here: update the node's base "
                   "to one with rpmdb.sqlite first",
                   rpmdb_folder.string());
    if (fs::exists(rpmdb_folder / "Packages")) return BackEnd::berkeley_db;
    throw fail(Reason::UnsupportedRoot, "there is no RPM database (rpmdb.sqlite) in '{}'; is this an RPM-based tree?",
               rpmdb_folder.string());
}

// The tree's own rpm would write its own back end, but isn't asked to: one command line of rpm either installs or
// erases, and order, scriptlets, triggers and file conflicts of a kernel swap are right in one transaction only. Nor is
// there a writer of Berkeley DB databases here that would let a test tell whether the outcome is right.
void require_writable(const fs::path& rpmdb_folder) {
    if (back_end(rpmdb_folder) != BackEnd::sqlite)
        throw fail(Reason::UnsupportedRoot,
                   "the RPM database in '{}' has the Berkeley DB back end, which can be read here and not written: "
                   "update the node's base to one with rpmdb.sqlite first",
                   rpmdb_folder.string());
}

DatabaseCopy::DatabaseCopy(const fs::path& rpmdb_folder, const fs::path& scratch) {
    const auto files = content_of(rpmdb_folder);
    std::string name = (scratch / "rpmdb-XXXXXX").string();
    if (!mkdtemp(name.data()))
        throw fail(errno == ENOSPC ? Reason::NoSpace : Reason::TransactionFailed,
                   "no folder for a copy of the RPM database could be made in '{}': {}", scratch.string(),
                   std::strerror(errno));
    folder_ = name;
    try {
        for (const auto* file : files)
            fs::copy_file(rpmdb_folder / file, folder_ / file);
    } catch (const fs::filesystem_error& error) {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
        throw fail(error.code() == std::errc::no_space_on_device ? Reason::NoSpace : Reason::TransactionFailed,
                   "the RPM database in '{}' could not be copied to '{}': {}", rpmdb_folder.string(), scratch.string(),
                   error.code().message());
    }
}

DatabaseCopy::~DatabaseCopy() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

std::vector<InstalledPackage> installed_packages(const fs::path& rpmdb_folder) {
    std::vector<InstalledPackage> packages;
    for_each(rpmdb_folder, [&](Header header) {
        auto nevra = nevra_of(header);
        if (nevra.name == "gpg-pubkey") return;
        const auto provides = strings_of(header, RPMTAG_PROVIDENAME);
        const std::set<std::string> once(provides.begin(), provides.end());
        packages.push_back({std::move(nevra), {once.begin(), once.end()}});
    });
    std::sort(packages.begin(), packages.end(),
              [](const auto& left, const auto& right) { return before_in_list(left.nevra, right.nevra); });
    return packages;
}

std::vector<std::string> owners_of_kernel(const fs::path& rpmdb_folder, const std::string& kver) {
    std::set<std::string> names;
    for_each(rpmdb_folder, [&](Header header) {
        if (owns_kernel(header, kver)) names.insert(nevra_of(header).name);
    });
    return {names.begin(), names.end()};
}

std::vector<std::string> public_keys(const fs::path& rpmdb_folder) {
    std::vector<std::string> keys;
    for_each(rpmdb_folder, [&](Header header) {
        if (nevra_of(header).name == "gpg-pubkey")
            if (const auto text = strings_of(header, RPMTAG_DESCRIPTION); !text.empty()) keys.push_back(text.front());
    });
    return keys;
}

int compare_evr(const Nevra& left, const Nevra& right) {
    const auto version = [](const Nevra& nevra) {
        return VersionHandle{
            rpmverNew(std::to_string(nevra.epoch).c_str(), nevra.version.c_str(), nevra.release.c_str())};
    };
    return rpmverCmp(version(left).get(), version(right).get());
}

bool before_in_list(const Nevra& left, const Nevra& right) {
    if (left.name != right.name) return left.name < right.name;
    if (const int order = compare_evr(left, right); order != 0) return order < 0;
    return left.arch < right.arch;
}

void seal_database(const fs::path& rpmdb_folder) {
    require_writable(rpmdb_folder);
    const auto file = rpmdb_folder / "rpmdb.sqlite";
    sqlite3* raw = nullptr;
    const int opened = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
    std::unique_ptr<sqlite3, CloseDatabase> database{raw};
    if (opened != SQLITE_OK)
        throw fail(Reason::TransactionFailed, "the new RPM database '{}' can't be opened: {}", file.string(),
                   raw ? sqlite3_errmsg(raw) : sqlite3_errstr(opened));
    // In WAL mode a reader must be able to write side files, which a read-only /usr refuses (rpm #2219).
    run_sql(raw, file, "PRAGMA wal_checkpoint(TRUNCATE)");
    run_sql(raw, file, "PRAGMA journal_mode=DELETE");
    database.reset();

    const auto log = rpmdb_folder / "rpmdb.sqlite-wal";
    if (fs::exists(log) && fs::file_size(log) > 0)
        throw fail(Reason::TransactionFailed,
                   "the RPM database '{}' still has a write-ahead log; something in the sandbox kept it open",
                   file.string());
    for (const auto* side : {"rpmdb.sqlite-wal", "rpmdb.sqlite-shm", ".rpm.lock", ".dbenv.lock"})
        fs::remove(rpmdb_folder / side);
    for (const auto& entry : fs::directory_iterator(rpmdb_folder))
        if (entry.path().filename().string().starts_with("__db.")) fs::remove(entry.path());
}

} // namespace rtnode::rpm
