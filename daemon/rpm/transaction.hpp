#pragma once
// One librpm transaction on the root of the calling process: everything is erased, replaced and installed at once.
// Meant for the inside of the sandbox; librpm changes umask and signal handling of its process.

#include "state/nevra.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::rpm {

/// Hears what happens. Called from within librpm's C code: must not throw.
class TransactionEvents {
  public:
    virtual ~TransactionEvents() = default;
    /// "Running pre scripts", "Running post scripts", "Running posttrans scripts", "Writing rpmdb": in this
    /// order, each once at most.
    virtual void step(std::string_view name) noexcept = 0;
    /// `what` is e.g. "kernel-core.posttrans"; its output goes to standard output and error.
    virtual void scriptlet_began(const std::string& what) noexcept = 0;
    virtual void scriptlet_ended(const std::string& what) noexcept = 0;
    /// One that failed without stopping its package, which is rpm's rule for %post, %posttrans, %postun and triggers.
    virtual void scriptlet_failed(const std::string& text) noexcept = 0;
    virtual void log(std::string_view line) noexcept = 0; ///< a warning or error of librpm
};

struct Transaction {
    struct Install {
        int descriptor = -1; ///< of the package file, open for reading
        Nevra nevra;         ///< what it must be
    };
    std::filesystem::path database = "/usr/share/rpm";
    std::vector<Install> install; ///< new ones and replacements
    std::vector<Nevra> erase;     ///< must be installed
};

/// Runs it. Package files must have been checked before (read_package()): digests and signatures are not checked
/// again. The database is sealed afterwards (seal_database()) and re-read: what was asked for must be in it.
///
/// @throws Error{PackageNotInBase} an erase that isn't installed
///         Error{DependencyProblem} what rpm's check says
///         Error{UnaskedChange} rpm would remove a package that was not named (Obsoletes)
///         Error{ScriptletFailed} a %pretrans, %pre or %preun failed, without which rpm doesn't go on
///         Error{NoSpace}
///         Error{TransactionFailed} file conflicts, unpacking, unknown owners, the rest
void run(const Transaction& transaction, TransactionEvents& events);

} // namespace rtnode::rpm
