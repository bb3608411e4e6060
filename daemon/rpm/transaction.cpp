#include "rpm/transaction.hpp"

#include "rpm/configuration.hpp"
#include "rpm/database.hpp"
#include "rpm/handles.hpp"
#include "rpm/header.hpp"
#include "state/error.hpp"

#include <rpm/rpmcallback.h>
#include <rpm/rpmio.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmte.h>

#include <fmt/ranges.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

namespace rtnode::rpm {
namespace {

std::string_view scriptlet_name(rpmTagVal tag) {
    switch (tag) {
    case RPMTAG_PREIN:
        return "pre";
    case RPMTAG_POSTIN:
        return "post";
    case RPMTAG_PREUN:
        return "preun";
    case RPMTAG_POSTUN:
        return "postun";
    case RPMTAG_PRETRANS:
        return "pretrans";
    case RPMTAG_POSTTRANS:
        return "posttrans";
    case RPMTAG_TRIGGERPREIN:
        return "triggerprein";
    case RPMTAG_TRIGGERIN:
        return "triggerin";
    case RPMTAG_TRIGGERUN:
        return "triggerun";
    case RPMTAG_TRIGGERPOSTUN:
        return "triggerpostun";
    case RPMTAG_FILETRIGGERIN:
        return "filetriggerin";
    case RPMTAG_FILETRIGGERUN:
        return "filetriggerun";
    case RPMTAG_FILETRIGGERPOSTUN:
        return "filetriggerpostun";
    case RPMTAG_TRANSFILETRIGGERIN:
        return "transfiletriggerin";
    case RPMTAG_TRANSFILETRIGGERUN:
        return "transfiletriggerun";
    case RPMTAG_TRANSFILETRIGGERPOSTUN:
        return "transfiletriggerpostun";
    default:
        return "scriptlet";
    }
}

std::string without_newline(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    return text;
}

/// What librpm's callbacks work on. They must not throw: failures are kept for after the run.
class Run {
  public:
    Run(const Transaction& wanted, TransactionEvents& events) : wanted_(wanted), events_(events) {}

    static void* on_event(const void* element, rpmCallbackType what, rpm_loff_t amount, rpm_loff_t total, fnpyKey key,
                          void* self) {
        return static_cast<Run*>(self)->event(static_cast<rpmte>(const_cast<void*>(element)), what,
                                              static_cast<rpmTagVal>(amount), total,
                                              static_cast<const Transaction::Install*>(key));
    }

    static int on_log(rpmlogRec record, rpmlogCallbackData self) {
        static_cast<Run*>(self)->log(rpmlogRecPriority(record), without_newline(rpmlogRecMessage(record)));
        return 0;
    }

    /// Throws what went wrong, the cause first. `rpm_said` is rpmtsRun()'s result.
    void judge(int rpm_said, rpmts transaction) const;

  private:
    void* event(rpmte element, rpmCallbackType what, rpmTagVal tag, rpm_loff_t total,
                const Transaction::Install* package);
    void log(rpmlogLvl level, const std::string& line);
    void failed_scriptlet(const std::string& what, bool stops);
    void step_once(std::string_view name) {
        if (std::find(steps_.begin(), steps_.end(), name) != steps_.end()) return;
        steps_.push_back(name);
        events_.step(name);
    }
    std::string label(rpmte element, rpmTagVal tag) const {
        return fmt::format("{}.{}", element ? rpmteN(element) : "trigger", scriptlet_name(tag));
    }

    const Transaction& wanted_;
    TransactionEvents& events_;
    std::vector<std::string_view> steps_;
    FD_t open_package_ = nullptr;
    std::string last_line_, failed_scriptlet_, failed_unpacking_, missing_owner_;
    std::vector<std::string> errors_;
    bool no_space_ = false;
};

void* Run::event(rpmte element, rpmCallbackType what, rpmTagVal tag, rpm_loff_t total,
                 const Transaction::Install* package) {
    switch (what) {
    case RPMCALLBACK_INST_OPEN_FILE:
        lseek(package->descriptor, 0, SEEK_SET);
        return open_package_ = fdDup(package->descriptor);
    case RPMCALLBACK_INST_CLOSE_FILE:
        Fclose(open_package_);
        open_package_ = nullptr;
        break;
    case RPMCALLBACK_SCRIPT_START:
        if (tag == RPMTAG_POSTIN) step_once("Running post scripts");
        if (tag == RPMTAG_POSTTRANS) step_once("Running posttrans scripts");
        events_.scriptlet_began(label(element, tag));
        break;
    case RPMCALLBACK_SCRIPT_STOP:
        events_.scriptlet_ended(label(element, tag));
        break;
    case RPMCALLBACK_SCRIPT_ERROR:
        failed_scriptlet(fmt::format("{}{}: {}", label(element, tag),
                                     element ? fmt::format(" ({})", rpmteNEVRA(element)) : "", last_line_),
                         total != RPMRC_OK);
        break;
    case RPMCALLBACK_UNPACK_ERROR:
    case RPMCALLBACK_CPIO_ERROR:
        if (failed_unpacking_.empty())
            failed_unpacking_ = fmt::format("{}: {}", element ? rpmteNEVRA(element) : "a package", last_line_);
        break;
    default:
        break;
    }
    return nullptr;
}

/// @param stops its package doesn't go in, or out (rpm's psm.c hands that over as the event's total)
void Run::failed_scriptlet(const std::string& what, bool stops) {
    if (!stops)
        events_.scriptlet_failed(
            fmt::format("the scriptlet {}; rpm takes its package for installed all the same", what));
    else if (failed_scriptlet_.empty())
        failed_scriptlet_ = what;
}

void Run::log(rpmlogLvl level, const std::string& line) {
    if (level > RPMLOG_WARNING || line.empty()) return;
    last_line_ = line;
    if (level <= RPMLOG_ERR) errors_.push_back(line);
    if (line.find("No space left on device") != std::string::npos) no_space_ = true;
    // rpm would silently give the files to root.
    if (missing_owner_.empty() && line.find("does not exist - using") != std::string::npos) missing_owner_ = line;
    events_.log("rpm: " + line);
}

std::vector<std::string> texts_of(rpmps problems) {
    std::vector<std::string> texts;
    const ProblemIteratorHandle iterator{rpmpsInitIterator(problems)};
    while (const rpmProblem problem = rpmpsiNext(iterator.get()))
        texts.push_back(without_newline(Malloced<char>{rpmProblemString(problem)}.get()));
    return texts;
}

bool about_space(rpmps problems) {
    const ProblemIteratorHandle iterator{rpmpsInitIterator(problems)};
    while (const rpmProblem problem = rpmpsiNext(iterator.get()))
        if (const auto type = rpmProblemGetType(problem); type == RPMPROB_DISKSPACE || type == RPMPROB_DISKNODES)
            return true;
    return false;
}

void Run::judge(int rpm_said, rpmts transaction) const {
    if (no_space_)
        throw fail(Reason::NoSpace,
                   "the disk of the node's repository became full while packages were unpacked ({}); free space below "
                   "/sysroot, e.g. 'ostree admin undeploy' of an old deployment, and try again",
                   failed_unpacking_.empty() ? last_line_ : failed_unpacking_);
    if (!failed_scriptlet_.empty())
        throw fail(Reason::ScriptletFailed,
                   "the scriptlet {}; the package's maker must mend it, the job's log has its output",
                   failed_scriptlet_);
    if (!failed_unpacking_.empty())
        throw fail(Reason::TransactionFailed, "rpm could not unpack {}; fetch the package again", failed_unpacking_);
    if (!missing_owner_.empty())
        throw fail(Reason::TransactionFailed,
                   "a package's files belong to somebody whom the tree does not know ({}); install the package that "
                   "creates this account as well",
                   missing_owner_);
    const ProblemsHandle problems{rpmtsProblems(transaction)};
    if (rpm_said > 0 && about_space(problems.get()))
        throw fail(Reason::NoSpace,
                   "there is not enough space for the change: {}; free space below /sysroot and try again",
                   fmt::join(texts_of(problems.get()), "; "));
    if (rpm_said != 0) {
        auto texts = texts_of(problems.get());
        texts.insert(texts.end(), errors_.begin(), errors_.end());
        throw fail(Reason::TransactionFailed, "rpm refused the change: {}; choose packages that fit together",
                   texts.empty() ? "it gave no reason" : fmt::format("{}", fmt::join(texts, "; ")));
    }
}

/// librpm's log goes to this run as long as this lives.
class LogTo {
  public:
    explicit LogTo(Run& run) : before_(rpmlogSetCallback(Run::on_log, &run)) {}
    ~LogTo() {
        rpmlogSetCallback([](rpmlogRec, rpmlogCallbackData) { return 0; }, nullptr);
        static_cast<void>(before_);
    }
    LogTo(const LogTo&) = delete;
    LogTo& operator=(const LogTo&) = delete;

  private:
    rpmlogCallback before_;
};

void add_erasures(rpmts transaction, const std::vector<Nevra>& erase) {
    for (const auto& nevra : erase) {
        const IteratorHandle matches{rpmtsInitIterator(transaction, RPMDBI_NAME, nevra.name.c_str(), 0)};
        bool found = false;
        while (const Header header = rpmdbNextIterator(matches.get()))
            if (nevra_of(header) == nevra) {
                found = true;
                if (rpmtsAddEraseElement(transaction, header, static_cast<int>(headerGetInstance(header))) != 0)
                    throw fail(Reason::TransactionFailed, "rpm refused to remove '{}'", nevra.str());
            }
        if (!found)
            throw fail(Reason::PackageNotInBase,
                       "the package '{}' can't be removed: it is not in the base's RPM database", nevra.str());
    }
}

void add_installs(rpmts transaction, const std::vector<Transaction::Install>& install) {
    for (const auto& package : install) {
        lseek(package.descriptor, 0, SEEK_SET);
        FD_t file = fdDup(package.descriptor);
        Header raw = nullptr;
        const auto read = rpmReadPackageFile(transaction, file, package.nevra.str().c_str(), &raw);
        Fclose(file);
        const HeaderHandle header{raw};
        if ((read != RPMRC_OK && read != RPMRC_NOKEY && read != RPMRC_NOTTRUSTED) || !header)
            throw fail(Reason::DamagedPackage, "the file of '{}' can't be read as a package; fetch it again",
                       package.nevra.str());
        if (nevra_of(raw) != package.nevra)
            throw fail(Reason::TransactionFailed, "the file of '{}' changed under us: it holds '{}' now",
                       package.nevra.str(), nevra_of(raw).str());
        // `upgrade`: packages of the same name go. One kernel a tree, so there is no installonly here.
        if (rpmtsAddInstallElement(transaction, raw, &package, 1, nullptr) != 0)
            throw fail(Reason::TransactionFailed, "rpm refused to take '{}'", package.nevra.str());
    }
}

Nevra nevra_of(rpmte element) {
    const char* epoch = rpmteE(element);
    return {rpmteN(element), epoch ? std::stoull(epoch) : 0, rpmteV(element), rpmteR(element), rpmteA(element)};
}

/// Obsoletes and same-name replacement add erasures by themselves; only the latter was asked for.
void refuse_unasked(rpmts transaction, const Transaction& wanted) {
    std::vector<std::string> unasked;
    for (int i = 0; i < rpmtsNElements(transaction); ++i) {
        const rpmte element = rpmtsElement(transaction, i);
        if (rpmteType(element) != TR_REMOVED) continue;
        const auto nevra = nevra_of(element);
        const bool named = std::find(wanted.erase.begin(), wanted.erase.end(), nevra) != wanted.erase.end();
        const bool replaced = std::any_of(wanted.install.begin(), wanted.install.end(),
                                          [&](const auto& package) { return package.nevra.name == nevra.name; });
        if (!named && !replaced) unasked.push_back(nevra.str());
    }
    if (!unasked.empty())
        throw fail(Reason::UnaskedChange,
                   "the change would also remove {}, which nobody asked for; name it in remove if "
                   "that is wanted",
                   fmt::join(unasked, ", "));
}

void check_dependencies(rpmts transaction) {
    rpmtsCheck(transaction);
    const ProblemsHandle problems{rpmtsProblems(transaction)};
    if (const auto texts = texts_of(problems.get()); !texts.empty())
        throw fail(Reason::DependencyProblem,
                   "the packages do not fit together: {}; add or leave out packages accordingly",
                   fmt::join(texts, "; "));
}

/// A change that rpm reports as done and that isn't in the database would boot as something else than was planned.
void verify(const Transaction& wanted) {
    std::set<Nevra> installed;
    for (const auto& package : installed_packages(wanted.database))
        installed.insert(package.nevra);
    for (const auto& package : wanted.install)
        if (!installed.contains(package.nevra))
            throw fail(Reason::TransactionFailed, "rpm reported success, but '{}' is not in the new RPM database",
                       package.nevra.str());
    for (const auto& nevra : wanted.erase)
        if (installed.contains(nevra))
            throw fail(Reason::TransactionFailed, "rpm reported success, but '{}' is still in the new RPM database",
                       nevra.str());
}

} // namespace

void run(const Transaction& wanted, TransactionEvents& events) {
    require_writable(wanted.database);
    read_configuration();
    const ScopedMacro place("_dbpath", wanted.database.string());
    Run running(wanted, events);
    const LogTo log(running);
    {
        const TransactionHandle owned{rpmtsCreate()};
        const rpmts transaction = owned.get();
        rpmtsSetRootDir(transaction, "/");
        rpmtsSetVSFlags(transaction, static_cast<rpmVSFlags>(RPMVSF_MASK_NOSIGNATURES | RPMVSF_MASK_NODIGESTS));
        rpmtsSetVfyLevel(transaction, 0);
        // Plugins would load the host's code for the host's services; labels are set when the tree is committed.
        rpmtsSetFlags(transaction, RPMTRANS_FLAG_NOPLUGINS | RPMTRANS_FLAG_NOCONTEXTS);
        if (rpmtsOpenDB(transaction, O_RDONLY) != 0)
            throw fail(Reason::UnsupportedRoot, "the tree's RPM database in '{}' can't be opened; it may be damaged",
                       wanted.database.string());
        // Installs first, as rpm does: what they replace is then ordered behind them.
        add_installs(transaction, wanted.install);
        add_erasures(transaction, wanted.erase);
        refuse_unasked(transaction, wanted);
        check_dependencies(transaction);
        rpmtsOrder(transaction);
        rpmtsClean(transaction);             // not before: the order is made out of what this frees
        rpmtsSetNotifyStyle(transaction, 1); // elements instead of headers
        rpmtsSetNotifyCallback(transaction, Run::on_event, &running);
        // rpm goes package by package (%pre, files, %post), so each step begins with the first of its kind.
        events.step("Running pre scripts");
        running.judge(rpmtsRun(transaction, nullptr, RPMPROB_FILTER_OLDPACKAGE), transaction);
        events.step("Writing rpmdb");
        rpmtsCloseDB(transaction);
    }
    seal_database(wanted.database);
    verify(wanted);
}

} // namespace rtnode::rpm
