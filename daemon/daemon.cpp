#include "daemon.hpp"

#include "bus/latency_settings.hpp"
#include "bus/service.hpp"
#include "config/profile_file.hpp"
#include "config/settings.hpp"
#include "config/to_toml.hpp"
#include "host/last_shutdown.hpp"
#include "host/node.hpp"
#include "jobs/inspection.hpp"
#include "jobs/outcome.hpp"
#include "jobs/queue.hpp"
#include "latency/store/results_folder.hpp"
#include "loop/event_loop.hpp"
#include "loop/journal.hpp"
#include "metrics/socket.hpp"
#include "ostree/sysroot.hpp"
#include "state/request.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>

#include <cstring>
#include <ctime>

namespace rtnode {
namespace {

using namespace std::chrono_literals;

constexpr const char* metrics_name = "rtnode.prom";
constexpr auto refresh_delay = 200ms; ///< a deploy touches several files

/// One daemon a state folder: another one would take this one's running jobs for interrupted.
UniqueFd lock_state(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw fail(Reason::Internal, "can't create the state folder {}: {}", folder.string(), error.message());
    const auto path = folder / "lock";
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) throw fail(Reason::Internal, "can't open {}: {}", path.string(), std::strerror(errno));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        throw fail(Reason::Internal, "another rtnoded works with the state folder {}; stop that one first",
                   folder.string());
    return fd;
}

config::Sources sources_of(const Place& place) {
    auto sources = place.config ? config::Sources::in(*place.config) : config::Sources::of_system();
    sources.imported_folder = place.state_dir / "repos";
    return sources;
}

/// When something was last put into the folder of imported repositories, or replaced there.
std::filesystem::file_time_type imported_at(const Place& place) {
    std::error_code none;
    return std::filesystem::last_write_time(place.state_dir / "repos", none);
}

config::Settings load_settings(const Place& place) {
    auto settings = config::load(sources_of(place));
    for (const auto& warning : settings.warnings)
        journal::log(journal::Priority::warning, warning);
    return settings;
}

std::string reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return fmt::format("RELOADING=1\nMONOTONIC_USEC={}", std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
}

} // namespace

struct Daemon::Private {
    explicit Private(const Place& p)
        : place(p), lock(lock_state(place.state_dir)), imported(imported_at(place)), settings(load_settings(place)),
          inspection(loop, jobs::find_worker(), [this] { return order(what_to_verify(), 0); }),
          queue(loop, {.folder = place.state_dir / "jobs",
                       .worker = jobs::find_worker(),
                       .boot_id = host::boot_id(),
                       .cleaning_order = [this] { return order({}, 0); }}) {
        for (const int signal : {SIGTERM, SIGINT})
            signals.push_back(loop.on_signal(signal, [this] { stop(0); }));
        signals.push_back(loop.on_signal(SIGHUP, [this] { reload(); }));
        queue.recover();
        look_back();
        service = std::make_unique<bus::Service>(
            loop, queue,
            bus::ServiceOptions{
                .address = place.bus_address,
                .private_node = place.private_node,
                .make_order = [this](const Request& request, std::uint32_t job) { return order(request, job); },
                .latency = [this] { return latency_settings(); },
                .inspect = [this](auto done) { inspection.run(std::move(done)); },
                .reapply = [this] { return settings.update_reapply; },
                .repositories = [this] { return settings.repositories; },
                .profile = [this] { return settings.profile; },
                .load_profile =
                    [this](const std::string& name) { return config::load_profile(sources_of(place), name); },
                .profile_text = [](const Profile& profile) { return config::to_toml(profile); },
                .settings_text = [this] { return config::to_toml(settings); },
                .repair_drift = [this] { return settings.repair_drift; },
                .state_dir = place.state_dir,
                .job_ended =
                    [this] {
                        refresh();
                        take_imported();
                        write_metrics();
                    },
                .lost =
                    [this](const std::string& why) {
                        journal::log(journal::Priority::error, fmt::format("the bus is gone: {}", why));
                        stop(1);
                    }});
        refresh();
        serve_metrics();
        clean_metrics();
        write_metrics();
        watch(place.sysroot / "ostree/deploy");
        if (!place.private_node) watch("/run/ostree");
    }

    std::string order(const Request& request, std::uint32_t job) const {
        WorkOrder work;
        work.job = job;
        work.request = request;
        work.sysroot = place.sysroot;
        work.state_dir = place.state_dir;
        work.cache_dir = place.cache_dir;
        work.private_node = place.private_node;
        work.repositories = settings.repositories;
        work.kernel_version = settings.kernel_version;
        work.gpg_keys = settings.gpg_keys;
        work.cache_megabytes = settings.cache_megabytes;
        work.cache_days = settings.cache_days;
        work.scriptlet_limit_s = settings.scriptlet_limit_s;
        work.dracut_limit_s = settings.dracut_limit_s;
        work.kernel_checks = settings.kernel_checks;
        work.lock_wait_s = settings.lock_wait_s;
        work.bus_address = place.bus_address.empty() ? "unix:path=/run/dbus/system_bus_socket" : place.bus_address;
        return nlohmann::json(work).dump();
    }

    /// With the profile's effects. One that can't be read is told by Condition.
    Request what_to_verify() const {
        Request request;
        if (settings.profile.empty()) return request;
        try {
            request.profile = config::load_profile(sources_of(place), settings.profile);
        } catch (const Error& e) {
            journal::log(journal::Priority::warning, e.what());
        }
        return request;
    }

    bus::LatencySettings latency_settings() {
        return {.folder = place.state_dir / "latency",
                .text_folder = settings.latency_results_folder,
                .max_duration = settings.latency_max_duration,
                .keep = settings.latency_keep,
                .watch_keep = settings.latency_watch_keep,
                .watch_tolerance = settings.latency_watch_tolerance,
                .watch_confirmations = settings.latency_watch_confirmations,
                .state_dir = place.state_dir,
                .ended = [this] { write_metrics(); }};
    }

    /// What a daemon that was killed left in the textfile collector's folder.
    void clean_metrics() {
        if (settings.metrics_textfile_folder.empty()) return;
        try {
            latency::NewFile::remove_unfinished(settings.metrics_textfile_folder, metrics_name);
        } catch (const std::exception& e) {
            journal::log(journal::Priority::warning, e.what());
        }
    }

    /// The file of node_exporter's textfile collector. It changes when something ends; who wants live numbers asks the
    /// socket.
    void write_metrics() {
        if (settings.metrics_textfile_folder.empty()) return;
        try {
            latency::NewFile(settings.metrics_textfile_folder, metrics_name, service->metrics()).publish();
        } catch (const std::exception& e) {
            journal::log(journal::Priority::error, fmt::format("metrics could not be written: {}", e.what()));
        }
    }

    /// A socket that can't be had must not keep the daemon from its work.
    void serve_metrics() {
        metrics_socket.reset();
        if (settings.metrics_socket.empty()) return;
        try {
            metrics_socket =
                std::make_unique<metrics::Socket>(loop, settings.metrics_socket, [this] { return service->metrics(); });
        } catch (const Error& e) {
            journal::log(journal::Priority::error, e.what());
        }
    }

    /// What the last job made may not be what this boot came up with: finds out why, says so and keeps it with the job.
    void look_back() {
        if (place.private_node) return;
        try {
            const auto intended = jobs::last_intended(queue.jobs());
            if (!intended || !intended->fate.empty()) return; // nothing, or said at an earlier start
            const auto& job = *queue.find(intended->job);
            if (job.boot_id == host::boot_id()) return; // no shutdown since
            const ostree::Sysroot sysroot(place.sysroot);
            if (why_not_booted(intended, sysroot.deployments()).empty()) return;
            const auto trace = host::last_shutdown(job.boot_id, sysroot.boot_folder(), job.ended_us);
            queue.annotate(job.id, fate_key, fate_of(intended->checksum, trace));
            journal::log(journal::Priority::error,
                         why_not_booted(jobs::last_intended(queue.jobs()), sysroot.deployments()),
                         {{"MESSAGE_ID", std::string(journal::not_booted)},
                          {"RTNODE_JOB_ID", std::to_string(job.id)},
                          {"RTNODE_JOB_KIND", job.kind},
                          {"OSTREE_CHECKSUM", intended->checksum}});
        } catch (const Error& e) {
            journal::log(journal::Priority::warning, fmt::format("what was booted can't be told: {}", e.what()));
        }
    }

    void watch(const std::filesystem::path& folder) {
        std::error_code error;
        if (!std::filesystem::is_directory(folder, error)) return;
        watches.push_back(loop.watch_path(
            folder, IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE,
            [this](const inotify_event&) { refresh_timer = loop.timer(refresh_delay, [this] { refresh(); }); }));
    }

    /// Reads the deployments when somebody changed them.
    void refresh() {
        refresh_timer.stop();
        try {
            // A new object each time: libostree reads again only when the time of ostree/deploy has changed, which it
            // does after the file of a staged deployment is there. The print comes first, so that what changes in
            // between gives another one the next time.
            auto print = ostree::Sysroot(place.sysroot, place.private_node).fingerprint();
            if (print == fingerprint) return;
            service->set_deployments(ostree::Sysroot(place.sysroot, place.private_node).deployments());
            fingerprint = std::move(print);
        } catch (const Error& e) {
            if (fingerprint == e.what()) return; // said already
            fingerprint = e.what();
            service->set_deployments({});
            journal::log(journal::Priority::warning, fmt::format("the deployments can't be listed: {}", e.what()));
        }
    }

    /// The repositories that an ended job imported.
    void take_imported() {
        if (const auto now = imported_at(place); now != imported) reload();
    }

    void reload() {
        host::notify(reloading());
        try {
            imported = imported_at(place);
            settings = load_settings(place);
            serve_metrics();
            clean_metrics();
            write_metrics();
            service->look_at_profile();
            journal::log(journal::Priority::notice, "the configuration was read again");
        } catch (const Error& e) {
            journal::log(journal::Priority::error, fmt::format("the configuration stays as it was: {}", e.what()),
                         {{"MESSAGE_ID", std::string(journal::configuration_refused)}});
        }
        host::notify("READY=1");
    }

    /// A run of a day must not be lost to an update of the daemon. Whatever is in the way, the daemon ends.
    void end_measurements() {
        try {
            if (service) service->end_measurements();
        } catch (const std::exception& e) {
            journal::log(journal::Priority::error, fmt::format("a measurement is lost: {}", e.what()));
        }
    }

    void stop(int status) {
        if (stopping) return;
        stopping = true;
        host::notify("STOPPING=1");
        end_measurements();
        queue.shut_down([this, status] { loop.exit(status); });
    }

    Place place;
    UniqueFd lock;
    std::filesystem::file_time_type imported;
    config::Settings settings;
    EventLoop loop;
    jobs::Inspection inspection;
    jobs::Queue queue;
    std::unique_ptr<bus::Service> service;
    std::unique_ptr<metrics::Socket> metrics_socket;
    std::string fingerprint;
    std::vector<EventLoop::Source> watches, signals;
    EventLoop::Source refresh_timer;
    bool stopping = false;
};

Daemon::Daemon(const Place& place) : p_(std::make_unique<Private>(place)) {}

Daemon::~Daemon() = default;

int Daemon::run() {
    p_->loop.watchdog();
    host::notify("READY=1\nSTATUS=Idle");
    journal::log(journal::Priority::info,
                 fmt::format("rtnoded {} serves {}", RTNODE_VERSION, p_->place.sysroot.string()));
    return p_->loop.run();
}

} // namespace rtnode
