#pragma once

#include "bus/authority.hpp"
#include "bus/guard.hpp"
#include "bus/logind.hpp"
#include "bus/options.hpp"
#include "jobs/queue.hpp"
#include "state/deployment.hpp"
#include "state/verification.hpp"

#include "Manager-adaptor.hpp"

#include <set>

namespace rtnode {
enum class JobKind;
struct Repository;
struct Request;
} // namespace rtnode

namespace rtnode::bus {

class ManagerObject final : public sdbus::AdaptorInterfaces<org::rtnode1::Manager_adaptor, sdbus::Properties_adaptor,
                                                            sdbus::ObjectManager_adaptor> {
  public:
    /// The WorkOrder for a job, as JSON.
    using MakeOrder = std::function<std::string(const Request&, std::uint32_t job)>;

    /// ServiceOptions::inspect
    using Inspect = std::function<void(std::function<void(const std::string& result, const Error* error)>)>;

    ManagerObject(sdbus::IConnection& connection, jobs::Queue& queue, Authority& authority, Logind& logind,
                  MakeOrder make_order, Inspect inspect, std::function<bool()> reapply,
                  std::function<std::vector<Repository>()> repositories);
    ~ManagerObject();

    void job_added(const jobs::Job& job);
    void job_ended(const jobs::Job& job);
    void jobs_changed(); ///< Jobs, Activity, and what an ended job means for WillLoseRealTime

    void set_deployments(std::vector<Deployment> deployments);
    bool reboot_required() const;

    /// Whether the job asked for a reboot after it; forgets that.
    bool take_reboot_wish(std::uint32_t id) { return reboot_wishes_.erase(id) > 0; }
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
    void ImportRepository(sdbus::Result<sdbus::ObjectPath>&& result, std::string source, std::string name,
                          Dictionary options) override;
    std::vector<Dictionary> ListRepositories(const Dictionary& options) override;
    void Verify(sdbus::Result<std::vector<Dictionary>>&& result, Dictionary options) override;
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
    std::vector<Dictionary> Deployments() override;
    std::vector<sdbus::ObjectPath> Jobs() override;

    /// Serves a method that starts a job: reads the options of that kind, calls `fill(Request&,
    /// std::vector<UniqueFd>&)` for the other arguments, submits. What is thrown becomes the method's answer.
    template <typename Fill>
    void start(sdbus::Result<sdbus::ObjectPath>&& result, JobKind kind, const Dictionary& options, Fill&& fill);

    /// Checks the request's form, asks whether the caller may, queues it, replies.
    void submit(const JobReply& reply, Request request, std::vector<UniqueFd> files);
    /// @param caller for people @throws Error{QueueFull, NoSpace, Internal}
    std::uint32_t enqueue(const Request& request, std::vector<UniqueFd> files, const std::string& caller);
    const Deployment* current() const; ///< booted, or on a node in a folder the one that stands in for it
    const Deployment* next() const;    ///< booted next
    bool loses_real_time() const;
    void look_for_real_time(); ///< WillLoseRealTime, its warning, and the job that puts it back where configured
    void reapply();

    jobs::Queue& queue_;
    Authority& authority_;
    Logind& logind_;
    MakeOrder make_order_;
    Inspect inspect_;
    std::function<bool()> reapply_;
    std::function<std::vector<Repository>()> repositories_;
    std::vector<Deployment> deployments_;
    std::set<std::uint32_t> reboot_wishes_;
    bool rebooting_ = false;
    bool will_lose_real_time_ = false;
    std::string warned_of_; ///< the deployment's commit
};

} // namespace rtnode::bus
