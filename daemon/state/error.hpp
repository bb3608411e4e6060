#pragma once
// Every failure that reaches a caller is one of these reasons plus a message that stands alone (busctl prints only the
// message): what failed, on which object, why, and what to do next.

#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rtnode {

/// The one table of errors. On the bus each is `org.rtnode1.Error.<enumerator>`.
// clang-format off: it would set them as one paragraph
#define RTNODE_REASONS(X)                                                                                              \
    /* what the caller said */                                                                                         \
    X(InvalidArgument)                                                                                                 \
    X(UnknownOption) X(NotAuthorized) X(QueueFull) X(TooLate) X(StalePlan) X(UnsafePath) /* the node as it is */       \
        X(NotOstree) X(NotBooted) X(UnsupportedRoot) X(UnsupportedBoot) X(UnsupportedArchitecture) X(LayeringLocked)   \
            X(UnusableOrigin) X(AmbiguousStateroot) X(OverlayUnavailable) X(PartialCommit) X(CorruptObject)            \
                X(ForeignLayering) X(SysrootLocked) X(DeploymentsChanged) X(NoPendingDeployment)                       \
                    X(NoRollbackDeployment) X(SandboxUnavailable) X(SelinuxDomain) /* packages */                      \
        X(NotAPackage) X(DamagedPackage) X(WrongArchitecture) X(DigestMismatch) X(UnsignedPackage) X(BadSignature)     \
            X(NoSuchPackage) X(PackageNotInBase) X(DependencyProblem) X(UnaskedChange) X(IncompleteKernelSwap)         \
                X(SeveralKernels) X(NoKernel) X(KernelMismatch) X(InactiveOverride) /* repositories and downloads */   \
        X(RepositoryConfiguration) X(RepositoryMetadata) X(DownloadFailed) X(OlderBase) X(NoRepository)                \
            X(UnreadableMedium) /* the work */                                                                         \
        X(NoSpace) X(ScriptletFailed) X(TransactionFailed) X(InitramfsFailed) X(MicrocodeMissing) X(StepTimedOut)      \
            X(CommitFailed) X(DeployFailed) X(EtcConflict) X(Canceled) X(Interrupted)                                  \
                X(WorkerDied)                                /* kernel arguments */                                    \
        X(ProtectedKernelArgument) X(InvalidKernelArgument)  /* profiles */                                            \
        X(ProfileRefused) X(PlanFailedBefore) X(NotAccepted) /* latency */                                             \
        X(CpuUnavailable) X(CpuBusy) X(RealTimeDenied) X(IntervalTooShort) X(Overloaded) X(NoSuchMeasurement)          \
            X(UnsafeFolder) X(LoadUnavailable)  /* reboot */                                                           \
        X(RebootInhibited) X(RebootUnavailable) /* export */                                                           \
        X(NotVerified) X(NothingToExport)       /* ours */                                                             \
        X(Configuration) X(Internal)
// clang-format on

enum class Reason {
#define RTNODE_REASON_ENUMERATOR(name) name,
    RTNODE_REASONS(RTNODE_REASON_ENUMERATOR)
#undef RTNODE_REASON_ENUMERATOR
};

/// "org.rtnode1.Error.<Reason>".
std::string dbus_name(Reason reason);

/// The reverse of dbus_name(); nothing when the name is not from the table.
std::optional<Reason> reason_of(std::string_view dbus_name);

/// The exception of this project: thrown with context where the failure is understood, caught at one edge (the bus
/// guard in the daemon, main() in worker and client).
class Error : public std::runtime_error {
  public:
    Error(Reason reason, const std::string& message) : std::runtime_error(message), reason_(reason) {}

    Reason reason() const noexcept { return reason_; }

  private:
    Reason reason_;
};

/// throw fail(Reason::NoSuchPackage, "package '{}' …", name);
template <typename... Args>
Error fail(Reason reason, fmt::format_string<Args...> format, Args&&... args) {
    return Error(reason, fmt::format(format, std::forward<Args>(args)...));
}

} // namespace rtnode
