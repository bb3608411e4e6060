#pragma once

#include "bus/authority.hpp"
#include "bus/guard.hpp"
#include "bus/logind.hpp"
#include "bus/options.hpp"
#include "bus/reboot_watch.hpp"
#include "bus/service.hpp"
#include "jobs/queue.hpp"
#include "loop/journal.hpp"
#include "metrics/node.hpp"
#include "profile/gate/convergence.hpp"
#include "state/deployment.hpp"
#include "state/verification.hpp"

#include "Manager-adaptor.hpp"

#include <set>

namespace rtnode {
enum class JobKind;
struct Request;
} // namespace rtnode
namespace rtnode::exports {
struct NodeState;
}

namespace rtnode::bus {

class ManagerObject final : public sdbus::AdaptorInterfaces<org::rtnode1::Manager_adaptor, sdbus::Properties_adaptor,
                                                            sdbus::ObjectManager_adaptor> {
  public:
    ManagerObject(sdbus::IConnection& connection, EventLoop& loop, jobs::Queue& queue, Authority& authority,
                  Logind& logind, const ServiceOptions& options);
    ~ManagerObject();

    void job_added(const jobs::Job& job);
    void job_ended(const jobs::Job& job);
    void jobs_changed(); ///< Jobs, Activity, and what an ended job means for WillLoseRealTime

    void set_deployments(std::vector<Deployment> deployments);
    void set_regression(const std::string& why); ///< told with Reasons; "" = there is none
    void look_at_profile();                      ///< the configuration, or what the node is, may be another one now
    bool reboot_required() const;
    metrics::Node metrics(); ///< but for its jobs

    /// Whether the job asked for a reboot after it; forgets that.
    bool take_reboot_wish(std::uint32_t id) { return reboot_wishes_.erase(id) > 0; }
    void reboot_after(std::uint32_t id); ///< if the node needs one
    void set_rebooting();

  private:
    using JobReply = Reply<sdbus::ObjectPath>;
    using Fds = std::vector<sdbus::UnixFd>;
    using Texts = std::vector<std::string>;

    void Override(sdbus::Result<sdbus::ObjectPath>&& result, Texts replace, Texts remove, Texts install,
                  Dictionary options) override;
    void OverrideFiles(sdbus::Result<sdbus::ObjectPath>&& result, Fds replace, Texts remove, Fds install,
                       Dictionary options) override;
    void ResetOverrides(sdbus::Result<sdbus::ObjectPath>&& result, Texts names, Dictionary options) override;
    void SetKernelArguments(sdbus::Result<sdbus::ObjectPath>&& result, Texts append, Texts remove,
                            Dictionary options) override;
    void Rollback(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) override;
    void DropPending(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) override;
    void Update(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) override;
    void Apply(sdbus::Result<sdbus::ObjectPath>&& result, std::string profile, Dictionary options) override;
    std::vector<Dictionary> Explain(const std::string& profile) override;
    void Accept(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) override;
    void ImportRepository(sdbus::Result<sdbus::ObjectPath>&& result, std::string source, std::string name,
                          Dictionary options) override;
    std::vector<Dictionary> ListRepositories(const Dictionary& options) override;
    void Verify(sdbus::Result<std::vector<Dictionary>>&& result, Dictionary options) override;
    void Export(sdbus::Result<std::string>&& result, std::string format, Dictionary options) override;
    void Reboot(sdbus::Result<>&& result, Dictionary options) override;
    void CancelReboot(sdbus::Result<>&& result) override;

    std::string Version() override { return RTNODE_VERSION; }
    std::string Activity() override;
    bool RealTimeKernel() override;
    std::string KernelRelease() override;
    Texts KernelArguments() override;
    Texts PendingKernelArguments() override;
    bool RebootRequired() override { return reboot_required(); }
    std::string NotBooted() override;
    bool WillLoseRealTime() override { return will_lose_real_time_; }
    std::string Profile() override { return parts_.profile ? parts_.profile() : std::string(); }
    std::string Condition() override { return std::string(name_of(standing_.condition)); }
    Texts Reasons() override;
    std::string RebootHold() override { return reboot_watch_.why_waiting(); }
    std::vector<Dictionary> Deployments() override;
    std::vector<sdbus::ObjectPath> Jobs() override;

    /// Serves a method that starts a job: reads the options of that kind, calls `fill(Request&,
    /// std::vector<UniqueFd>&)` for the other arguments, submits. What is thrown becomes the method's answer.
    void start(sdbus::Result<sdbus::ObjectPath>&& result, JobKind kind, const Dictionary& options,
               const std::function<void(Request&, std::vector<UniqueFd>&)>& fill);

    /// Checks the request's form, asks whether the caller may, queues it, replies.
    void submit(const JobReply& reply, Request request, std::vector<UniqueFd> files);
    /// @param caller for people @throws Error{QueueFull, NoSpace, Internal}
    std::uint32_t enqueue(const Request& request, std::vector<UniqueFd> files, const std::string& caller);
    const Deployment* current() const; ///< booted, or on a node in a folder the one that stands in for it
    const Deployment* next() const;    ///< booted next
    bool loses_real_time() const;
    void look_for_real_time(); ///< WillLoseRealTime, its warning, and the job that puts it back where configured
    void reapply();

    /// What was seen of the tree. @param tree, @param error as parts_.inspect calls back with them
    static std::vector<Check> tree_checks(const std::string& tree, const Error* error);
    /// Verify's rows: those of the boot, and these.
    std::vector<Check> checks_with(const std::string& tree, const Error* error) const;
    exports::NodeState state_to_export(std::vector<Check> checks) const; ///< @throws Error

    /// The profile of that name, "" = the configured one. @throws Error{Configuration}
    rtnode::Profile profile_named(std::string name) const;
    profile::Standing find_standing(const rtnode::Profile& wanted) const; ///< by what is known now
    void update_standing(); ///< the properties, and whether a reboot is due
    void look_at_effects(); ///< asks a worker, and updates again when it has answered
    bool repairs_drift() const { return parts_.repair_drift && parts_.repair_drift(); }
    void repair_drift();
    void follow_verdict(const jobs::Job& job); ///< reboots when an Accept has gone back
    /// On behalf of the job, through logind. @param said at that level when logind has taken it
    void reboot_for(std::uint32_t id, journal::Priority level, const std::string& said);

    EventLoop& loop_;
    jobs::Queue& queue_;
    Authority& authority_;
    Logind& logind_;
    const ServiceOptions& parts_;
    std::vector<Deployment> deployments_;
    std::set<std::uint32_t> reboot_wishes_;
    bool rebooting_ = false;
    bool will_lose_real_time_ = false;
    std::string warned_of_; ///< the deployment's commit
    RebootWatch reboot_watch_;
    profile::Standing standing_;
    std::string told_profile_;
    std::string regression_;
    std::vector<Check> effects_; ///< of the last look
    bool looking_ = false;
    std::vector<std::string> repaired_; ///< the reasons of the last repair: the same again would be no help
    EventLoop::Source next_look_;
};

} // namespace rtnode::bus
