#include "bus/service.hpp"

#include "bus/job_object.hpp"
#include "bus/latency_object.hpp"
#include "bus/manager_object.hpp"
#include "bus/pump.hpp"
#include "host/node.hpp"
#include "loop/journal.hpp"
#include "state/request.hpp"

namespace rtnode::bus {
namespace {

std::unique_ptr<sdbus::IConnection> connect(const std::string& address) {
    try {
        return address.empty() ? sdbus::createSystemBusConnection()
                               : sdbus::createSessionBusConnectionWithAddress(address);
    } catch (const sdbus::Error& e) {
        throw fail(Reason::Internal, "can't connect to {}: {}",
                   address.empty() ? "the system bus" : "the bus at " + address, e.getMessage());
    }
}

void take_name(sdbus::IConnection& connection) {
    try {
        connection.requestName(Service::name);
    } catch (const sdbus::Error& e) {
        throw fail(Reason::Internal, "can't take the name {} on the bus (does another rtnoded run there?): {}",
                   Service::name, e.getMessage());
    }
}

} // namespace

struct Service::Private final : jobs::Queue::Observer {
    Private(EventLoop& l, jobs::Queue& q, ServiceOptions o)
        : loop(l), queue(q), options(std::move(o)), connection(connect(options.address)),
          pump(loop, *connection, options.lost), authority(*connection), logind(*connection, options.private_node),
          manager(*connection, loop, queue, authority, logind, options), latency(*connection, loop, authority, [this] {
              auto settings = options.latency();
              settings.activity = [this] { return running_job(); };
              settings.busy = [this] { return queue.busy(); };
              settings.regressed = [this](const std::string& why) { manager.set_regression(why); };
              return settings;
          }) {
        for (const auto& [id, job] : queue.jobs())
            add(id);
        queue.observe(this);
        take_name(*connection);
    }
    ~Private() override { queue.observe(nullptr); }
    Private(const Private&) = delete;
    Private& operator=(const Private&) = delete;

    void add(std::uint32_t id) {
        objects.emplace(id, std::make_unique<JobObject>(*connection, loop, queue, authority, id));
    }

    void job_added(const jobs::Job& job) override {
        add(job.id);
        manager.job_added(job);
        manager.jobs_changed();
    }

    void job_changed(const jobs::Job& job) override {
        if (jobs::ended(job.state) && options.job_ended) options.job_ended();
        objects.at(job.id)->changed();
        host::notify(fmt::format("STATUS=Job {} ({}) is {}", job.id, job.kind, jobs::name_of(job.state)));
        if (!jobs::ended(job.state)) return;
        manager.job_ended(job);
        loop.post([this] { manager.jobs_changed(); }); // the queue is done with it then
        if (manager.take_reboot_wish(job.id) && job.state == jobs::State::done) manager.reboot_after(job.id);
    }

    void job_progress(const jobs::Job& job) override { objects.at(job.id)->progress(); }

    void job_forgotten(std::uint32_t id) override {
        // Maybe inside one of the object's own handlers.
        loop.post([this, id] {
            objects.erase(id);
            manager.jobs_changed();
        });
    }

    /// For who wonders about a latency: the worker shares caches, memory and disk with what is measured.
    std::string running_job() const {
        for (const auto& [id, job] : queue.jobs())
            if (!jobs::ended(job.state) && job.state != jobs::State::queued)
                return fmt::format("rtnode's own job {} ({}) was running", id, job.kind);
        return {};
    }

    EventLoop& loop;
    jobs::Queue& queue;
    ServiceOptions options;
    std::unique_ptr<sdbus::IConnection> connection;
    Pump pump;
    Authority authority;
    Logind logind;
    ManagerObject manager;
    LatencyObject latency;
    std::map<std::uint32_t, std::unique_ptr<JobObject>> objects;
};

Service::Service(EventLoop& loop, jobs::Queue& queue, ServiceOptions options)
    : p_(std::make_unique<Private>(loop, queue, std::move(options))) {}

Service::~Service() = default;

std::string Service::metrics() {
    auto node = p_->manager.metrics();
    for (const auto& [id, job] : p_->queue.jobs())
        ++node.jobs[std::string(jobs::name_of(job.state))];
    return metrics::of_node(node) + p_->latency.metrics();
}

void Service::end_measurements() {
    p_->latency.shut_down();
}

void Service::look_at_profile() {
    p_->manager.look_at_profile();
}

void Service::set_deployments(std::vector<Deployment> deployments) {
    p_->manager.set_deployments(std::move(deployments));
}

} // namespace rtnode::bus
