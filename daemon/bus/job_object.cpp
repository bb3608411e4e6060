#include "bus/job_object.hpp"

#include "bus/values.hpp"

namespace rtnode::bus {
namespace {

using namespace std::chrono_literals;

constexpr auto progress_interval = 250ms;
constexpr std::size_t max_log_lines = 1000;

} // namespace

std::string JobObject::path_of(std::uint32_t id) {
    return fmt::format("/org/rtnode1/job/{}", id);
}

JobObject::JobObject(sdbus::IConnection& connection, EventLoop& loop, jobs::Queue& queue, Authority& authority,
                     std::uint32_t id)
    : AdaptorInterfaces(connection, path_of(id)), loop_(loop), queue_(queue), authority_(authority), id_(id) {
    registerAdaptor();
    announce([&] { emitInterfacesAddedSignal(); });
}

JobObject::~JobObject() {
    announce([&] { emitInterfacesRemovedSignal(); });
    unregisterAdaptor();
}

const jobs::Job& JobObject::job() const {
    const auto* found = queue_.find(id_);
    if (found == nullptr) throw fail(Reason::Internal, "job {} is not kept any more", id_);
    return *found;
}

void JobObject::Cancel(sdbus::Result<>&& result) {
    const Reply<> reply(std::move(result));
    reply.guard([&] {
        authority_.ask(
            Authority::question(*getObject().getCurrentlyProcessedMessage(), {action_change}),
            [reply, &queue = queue_, id = id_](const struct Caller&) {
                reply.guard([&] {
                    if (queue.find(id) == nullptr) throw fail(Reason::TooLate, "job {} ended long ago", id);
                    queue.cancel(id);
                    reply();
                });
            },
            [reply](const std::exception& e) { reply.error(e); });
    });
}

void JobObject::Wait(sdbus::Result<std::string, Dictionary>&& result) {
    WaitReply reply(std::move(result));
    reply.guard([&] {
        if (jobs::ended(job().state))
            answer(reply);
        else
            waiting_.push_back(reply);
    });
}

void JobObject::answer(const WaitReply& reply) const {
    const auto& now = job();
    if (now.state == jobs::State::done)
        reply(std::string(jobs::name_of(now.state)), dictionary_of(now.result));
    else
        reply.error(sdbus::Error(now.error_name, now.error_message));
}

std::tuple<std::vector<std::string>, std::uint64_t> JobObject::GetLog(const std::uint64_t& from) {
    return guarded([&] {
        auto lines = queue_.read_log(id_, from, max_log_lines);
        const auto next = from + lines.size();
        return std::tuple(std::move(lines), next);
    });
}

void JobObject::changed() {
    progress_timer_.stop();
    progress_due_ = false;
    announce([&] {
        emitPropertiesChangedSignal(Job_adaptor::INTERFACE_NAME,
                                    {"State", "Percent", "Step", "ErrorName", "ErrorMessage", "Result", "Ended"});
    });
    if (!jobs::ended(job().state)) return;
    for (const auto& reply : std::exchange(waiting_, {}))
        reply.guard([&] { answer(reply); });
}

void JobObject::progress() {
    progress_due_ = true;
    if (progress_timer_) return;
    progress_due_ = false;
    announce([&] { emitPropertiesChangedSignal(Job_adaptor::INTERFACE_NAME, {"Percent", "Step"}); });
    progress_timer_ = loop_.timer(progress_interval, [this] {
        progress_timer_ = {};
        if (progress_due_) progress();
    });
}

std::string JobObject::Kind() {
    return guarded([&] { return job().kind; });
}
std::string JobObject::Caller() {
    return guarded([&] { return job().caller; });
}
std::uint64_t JobObject::Created() {
    return guarded([&] { return job().created_us; });
}
std::uint64_t JobObject::Ended() {
    return guarded([&] { return job().ended_us; });
}
std::string JobObject::State() {
    return guarded([&] { return std::string(jobs::name_of(job().state)); });
}
std::uint32_t JobObject::Percent() {
    return guarded([&] { return std::uint32_t{job().percent}; });
}
std::string JobObject::Step() {
    return guarded([&] { return job().step; });
}
std::string JobObject::ErrorName() {
    return guarded([&] { return job().error_name; });
}
std::string JobObject::ErrorMessage() {
    return guarded([&] { return job().error_message; });
}
Dictionary JobObject::Result() {
    return guarded([&] { return dictionary_of(job().result); });
}

} // namespace rtnode::bus
