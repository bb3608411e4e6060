#include "bus/manager_object.hpp"

#include "bus/job_object.hpp"
#include "bus/requests.hpp"
#include "bus/values.hpp"
#include "host/node.hpp"
#include "jobs/outcome.hpp"
#include "loop/journal.hpp"

#include <fcntl.h>

namespace rtnode::bus {
namespace {

constexpr const char* root_path = "/org/rtnode1";
constexpr std::size_t max_files = 64;
constexpr std::uint32_t max_delay_s = 7 * 24 * 3600;

/// "fd:0", "fd:1", … for the files, which go to the worker in this order.
std::vector<std::string> take_files(const std::vector<sdbus::UnixFd>& from, std::vector<UniqueFd>& files) {
    std::vector<std::string> names;
    for (const auto& fd : from) {
        const int flags = ::fcntl(fd.get(), F_GETFL);
        if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH) != 0)
            throw fail(Reason::InvalidArgument, "descriptor {} is not open for reading", files.size());
        names.push_back(fmt::format("fd:{}", files.size()));
        files.emplace_back(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 64));
        if (!files.back())
            throw fail(Reason::Internal, "a descriptor could not be kept: too many files are open; try again later");
    }
    if (files.size() > max_files)
        throw fail(Reason::InvalidArgument, "{} files were passed; {} are allowed", files.size(), max_files);
    return names;
}

void refuse_reserved(const std::vector<std::string>& elements) {
    for (const auto& element : elements)
        if (element.starts_with("fd:"))
            throw fail(Reason::InvalidArgument, "'{}' is no package; files are passed with OverrideFiles", element);
}

void say_of_reboot(std::uint32_t id, journal::Priority level, const std::string& text) {
    journal::log(level, fmt::format("job {}: {}", id, text),
                 {{"MESSAGE_ID", std::string(journal::reboot_requested)}, {"RTNODE_JOB_ID", std::to_string(id)}});
}

} // namespace

ManagerObject::ManagerObject(sdbus::IConnection& connection, EventLoop& loop, jobs::Queue& queue, Authority& authority,
                             Logind& logind, const ServiceOptions& options)
    : AdaptorInterfaces(connection, root_path), loop_(loop), queue_(queue), authority_(authority), logind_(logind),
      parts_(options),
      reboot_watch_(connection, loop, logind,
                    {.jobs_busy = [this] { return queue_.busy(); },
                     .changed =
                         [this] {
                             announce(
                                 [&] { emitPropertiesChangedSignal(Manager_adaptor::INTERFACE_NAME, {"RebootHold"}); });
                         },
                     .rebooting = [this] { set_rebooting(); }}) {
    registerAdaptor();
}

ManagerObject::~ManagerObject() {
    unregisterAdaptor();
}

void ManagerObject::job_added(const jobs::Job& job) {
    announce([&] { emitJobNew(job.id, JobObject::path_of(job.id)); });
}

void ManagerObject::job_ended(const jobs::Job& job) {
    announce([&] { emitJobRemoved(job.id, JobObject::path_of(job.id), std::string(jobs::name_of(job.state))); });
    follow_verdict(job);
}

void ManagerObject::jobs_changed() {
    announce([&] { emitPropertiesChangedSignal(Manager_adaptor::INTERFACE_NAME, {"Jobs", "Activity"}); });
    look_for_real_time();
    look_at_profile();
}

void ManagerObject::set_rebooting() {
    rebooting_ = true;
    announce([&] { emitPropertiesChangedSignal(Manager_adaptor::INTERFACE_NAME, {"Activity"}); });
}

void ManagerObject::set_deployments(std::vector<Deployment> deployments) {
    deployments_ = std::move(deployments);
    announce([&] {
        emitPropertiesChangedSignal(
            Manager_adaptor::INTERFACE_NAME,
            {"Deployments", "KernelArguments", "PendingKernelArguments", "RebootRequired", "NotBooted"});
    });
    look_for_real_time();
    look_at_profile();
}

void ManagerObject::submit(const JobReply& reply, Request request, std::vector<UniqueFd> files) {
    check_form(request);
    auto question = Authority::question(*getObject().getCurrentlyProcessedMessage(), {action_change});
    if (request.reboot) {
        logind_.require_available();
        question.actions.emplace_back(action_reboot);
    }
    if (request.allow_unsigned) question.actions.emplace_back(action_allow_unsigned);
    question.details = {{"kind", std::string(name_of(request.kind))}};
    // std::function wants to be copied, descriptors don't.
    auto kept = std::make_shared<std::pair<Request, std::vector<UniqueFd>>>(std::move(request), std::move(files));
    authority_.ask(
        std::move(question),
        [this, reply, kept](const Caller& caller) {
            reply.guard([&] {
                auto& [asked, passed] = *kept;
                const auto id = enqueue(asked, std::move(passed), caller.text());
                // An Accept that goes back sees to that itself.
                if (asked.reboot && !asked.dry_run && asked.kind != JobKind::accept) reboot_wishes_.insert(id);
                if (asked.allow_unsigned)
                    journal::log(journal::Priority::warning,
                                 fmt::format("job {} accepts packages without a trusted signature, as {} asked", id,
                                             caller.text()),
                                 {{"MESSAGE_ID", std::string(journal::unsigned_accepted)},
                                  {"RTNODE_JOB_ID", std::to_string(id)}});
                reply(sdbus::ObjectPath(JobObject::path_of(id)));
            });
        },
        [reply](const std::exception& e) { reply.error(e); });
}

std::uint32_t ManagerObject::enqueue(const Request& request, std::vector<UniqueFd> files, const std::string& caller) {
    return queue_.submit({.kind = std::string(name_of(request.kind)),
                          .caller = caller,
                          .request = redacted(request),
                          .files = std::move(files),
                          .order = [this, asked = request](std::uint32_t job) mutable {
                              if (asked.kind == JobKind::update && loses_real_time())
                                  asked.restore = current()->checksum;
                              return parts_.make_order(asked, job);
                          }});
}

void ManagerObject::start(sdbus::Result<sdbus::ObjectPath>&& result, JobKind kind, const Dictionary& options,
                          const std::function<void(Request&, std::vector<UniqueFd>&)>& fill) {
    const JobReply reply(std::move(result));
    reply.guard([&] {
        auto request = take_options(kind, options);
        std::vector<UniqueFd> files;
        fill(request, files);
        submit(reply, std::move(request), std::move(files));
    });
}

void ManagerObject::Override(sdbus::Result<sdbus::ObjectPath>&& result, Texts replace, Texts remove, Texts install,
                             Dictionary options) {
    start(std::move(result), JobKind::override_packages, options, [&](Request& request, auto&) {
        refuse_reserved(replace);
        refuse_reserved(install);
        request.replace = std::move(replace);
        request.remove = std::move(remove);
        request.install = std::move(install);
    });
}

void ManagerObject::OverrideFiles(sdbus::Result<sdbus::ObjectPath>&& result, Fds replace, Texts remove, Fds install,
                                  Dictionary options) {
    start(std::move(result), JobKind::override_packages, options, [&](Request& request, auto& files) {
        request.replace = take_files(replace, files);
        request.remove = std::move(remove);
        request.install = take_files(install, files);
    });
}

void ManagerObject::ResetOverrides(sdbus::Result<sdbus::ObjectPath>&& result, Texts names, Dictionary options) {
    start(std::move(result), JobKind::reset_overrides, options,
          [&](Request& request, auto&) { request.reset = std::move(names); });
}

void ManagerObject::SetKernelArguments(sdbus::Result<sdbus::ObjectPath>&& result, Texts append, Texts remove,
                                       Dictionary options) {
    start(std::move(result), JobKind::kernel_arguments, options, [&](Request& request, auto&) {
        request.append_kernel_arguments = std::move(append);
        request.remove_kernel_arguments = std::move(remove);
    });
}

void ManagerObject::Rollback(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) {
    start(std::move(result), JobKind::rollback, options, [](auto&, auto&) {});
}

void ManagerObject::DropPending(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) {
    start(std::move(result), JobKind::drop_pending, options, [](auto&, auto&) {});
}

void ManagerObject::Update(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) {
    start(std::move(result), JobKind::update, options, [](auto&, auto&) {});
}

void ManagerObject::ImportRepository(sdbus::Result<sdbus::ObjectPath>&& result, std::string source, std::string name,
                                     Dictionary options) {
    start(std::move(result), JobKind::import_repository, options, [&](Request& request, auto&) {
        request.source = std::move(source);
        request.repository = std::move(name);
    });
}

std::vector<Dictionary> ManagerObject::ListRepositories(const Dictionary& options) {
    return guarded([&] {
        Options(options).finish();
        std::vector<Dictionary> rows;
        for (const auto& repository : parts_.repositories())
            rows.push_back(dictionary_of(repository));
        return rows;
    });
}

void ManagerObject::Reboot(sdbus::Result<>&& result, Dictionary options) {
    const Reply<> reply(std::move(result));
    reply.guard([&] {
        Options values(options);
        const auto delay = values.number("delay", 0);
        const bool ignore = values.flag("ignore-inhibitors");
        values.finish();
        if (delay > max_delay_s)
            throw fail(Reason::InvalidArgument, "option 'delay' is {} s; at most a week ({} s) is allowed", delay,
                       max_delay_s);
        authority_.ask(
            Authority::question(*getObject().getCurrentlyProcessedMessage(), {action_reboot}),
            [this, reply, delay, ignore](const Caller& caller) {
                reply.guard([&] {
                    logind_.require_available();
                    if (queue_.busy())
                        throw fail(Reason::RebootUnavailable,
                                   "jobs are queued or running; wait for them, or cancel them");
                    journal::log(journal::Priority::notice, fmt::format("a reboot was asked for by {}", caller.text()),
                                 {{"MESSAGE_ID", std::string(journal::reboot_requested)}});
                    logind_.reboot(std::chrono::seconds(delay), ignore, [this, reply, delay](const std::exception* e) {
                        if (e != nullptr) return reply.error(*e);
                        if (delay == 0) set_rebooting();
                        reply();
                    });
                });
            },
            [reply](const std::exception& e) { reply.error(e); });
    });
}

void ManagerObject::reboot_after(std::uint32_t id) {
    if (reboot_required()) return reboot_for(id, journal::Priority::notice, "the node reboots, as was asked for");
    say_of_reboot(id, journal::Priority::notice, "no reboot is needed");
}

void ManagerObject::reboot_for(std::uint32_t id, journal::Priority level, const std::string& said) {
    logind_.reboot(std::chrono::seconds(0), false, [this, id, level, said](const std::exception* e) {
        if (e != nullptr)
            return say_of_reboot(id, journal::Priority::error, fmt::format("the reboot was not made: {}", e->what()));
        say_of_reboot(id, level, said);
        set_rebooting();
    });
}

void ManagerObject::CancelReboot(sdbus::Result<>&& result) {
    const Reply<> reply(std::move(result));
    reply.guard([&] {
        authority_.ask(
            Authority::question(*getObject().getCurrentlyProcessedMessage(), {action_reboot}),
            [this, reply](const Caller&) {
                reply.guard([&] {
                    if (reboot_watch_.cancel())
                        journal::log(journal::Priority::notice, "the reboot that the profile asks for was canceled",
                                     {{"MESSAGE_ID", std::string(journal::reboot_requested)}});
                    logind_.cancel([reply](const std::exception* e) {
                        if (e != nullptr) return reply.error(*e);
                        reply();
                    });
                });
            },
            [reply](const std::exception& e) { reply.error(e); });
    });
}

std::string ManagerObject::Activity() {
    return rebooting_ ? "rebooting" : queue_.busy() ? "working" : "idle";
}

metrics::Node ManagerObject::metrics() {
    return {.version = Version(),
            .kernel_release = KernelRelease(),
            .real_time_kernel = RealTimeKernel(),
            .reboot_required = reboot_required(),
            .will_lose_real_time = will_lose_real_time_};
}

bool ManagerObject::RealTimeKernel() {
    return host::real_time_kernel();
}

std::string ManagerObject::KernelRelease() {
    return host::kernel_release();
}

const Deployment* ManagerObject::current() const {
    const Deployment* last = nullptr;
    for (const auto& deployment : deployments_) {
        if (deployment.booted) return &deployment;
        if (!deployment.pending && last == nullptr) last = &deployment;
    }
    return last;
}

const Deployment* ManagerObject::next() const {
    return deployments_.empty() ? nullptr : &deployments_.front();
}

bool ManagerObject::reboot_required() const {
    return next() != nullptr && current() != next();
}

ManagerObject::Texts ManagerObject::KernelArguments() {
    const auto* deployment = current();
    return deployment == nullptr ? Texts{} : deployment->kernel_arguments.without_ostree().tokens();
}

ManagerObject::Texts ManagerObject::PendingKernelArguments() {
    return deployments_.empty() ? Texts{} : deployments_.front().kernel_arguments.without_ostree().tokens();
}

std::string ManagerObject::NotBooted() {
    return guarded([&] { return why_not_booted(jobs::last_intended(queue_.jobs()), deployments_); });
}

std::vector<Dictionary> ManagerObject::Deployments() {
    return guarded([&] {
        std::vector<Dictionary> rows;
        for (const auto& deployment : deployments_)
            rows.push_back(dictionary_of(deployment));
        return rows;
    });
}

std::vector<sdbus::ObjectPath> ManagerObject::Jobs() {
    std::vector<sdbus::ObjectPath> paths;
    for (const auto& [id, job] : queue_.jobs())
        paths.emplace_back(JobObject::path_of(id));
    return paths;
}

} // namespace rtnode::bus
