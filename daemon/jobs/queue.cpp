#include "jobs/queue.hpp"

#include "loop/journal.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <ranges>

namespace rtnode::jobs {
namespace {

std::uint64_t now_us() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
}

constexpr auto interrupted_message =
    "the daemon was stopped or restarted while this job was {}; the deployments are as they are listed now. Ask again";

} // namespace

Queue::Queue(EventLoop& loop, Options options) : loop_(loop), options_(std::move(options)), folder_(options_.folder) {}

Queue::~Queue() = default;

void Queue::recover() {
    for (auto& job : folder_.load())
        jobs_.emplace(job.id, std::move(job));
    needs_cleaning_ = !jobs_.empty();
    for (auto& [id, job] : jobs_) {
        if (ended(job.state)) continue;
        end(job, State::interrupted, Reason::Interrupted, fmt::format(interrupted_message, name_of(job.state)));
    }
    forget_old();
    start_soon();
}

std::uint32_t Queue::submit(NewJob asked) {
    if (shut_down_) throw fail(Reason::QueueFull, "the daemon is stopping; ask again when it runs");
    if (queued_.size() >= max_queued)
        throw fail(Reason::QueueFull, "{} jobs are waiting already; wait for one of them to end, or cancel it",
                   queued_.size());
    Job job;
    job.id = folder_.take_number();
    job.kind = std::move(asked.kind);
    job.caller = std::move(asked.caller);
    job.request = std::move(asked.request);
    job.created_us = now_us();
    job.boot_id = options_.boot_id;
    folder_.store(job);
    const auto id = job.id;
    const auto& known = jobs_.emplace(id, std::move(job)).first->second;
    waiting_.emplace(id, Waiting{std::move(asked.files), std::move(asked.order)});
    queued_.push_back(id);
    if (observer_ != nullptr) observer_->job_added(known);
    start_soon();
    return id;
}

void Queue::cancel(std::uint32_t id) {
    auto& job = jobs_.at(id);
    if (ended(job.state)) throw fail(Reason::TooLate, "job {} has ended already: it is {}", id, name_of(job.state));
    if (job.state == State::canceling) return;
    if (job.state == State::queued) {
        std::erase(queued_, id);
        waiting_.erase(id);
        end(job, State::canceled, Reason::Canceled, fmt::format("job {} was canceled before it began", id));
        forget_old();
        return;
    }
    if (job.deploying)
        throw fail(Reason::TooLate,
                   "job {} is writing the deployment now and can't be canceled; wait for its end, then "
                   "drop the pending deployment",
                   id);
    change(job, State::canceling);
    worker_->cancel();
}

void Queue::annotate(std::uint32_t id, const std::string& key, const std::string& text) {
    auto& job = jobs_.at(id);
    auto result = nlohmann::json::parse(job.result);
    result[key] = text;
    job.result = result.dump();
    log_line(job, fmt::format("later: {}", text), false);
    store(job);
}

const Job* Queue::find(std::uint32_t id) const {
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : &found->second;
}

bool Queue::busy() const {
    return running_ != 0 || !queued_.empty();
}

std::vector<std::string> Queue::read_log(std::uint32_t id, std::uint64_t from, std::size_t limit) const {
    return folder_.read_log(id, from, limit);
}

void Queue::start_soon() {
    start_timer_ = loop_.timer(std::chrono::microseconds(0), [this] { start_next(); });
}

void Queue::start_next() {
    if (worker_ != nullptr || shut_down_) return;
    if (needs_cleaning_) {
        start_cleaning();
        return;
    }
    if (queued_.empty()) return;
    const auto id = queued_.front();
    queued_.pop_front();
    start_job(id);
}

void Queue::start_job(std::uint32_t id) {
    auto& job = jobs_.at(id);
    const auto waiting = std::move(waiting_.extract(id).mapped());
    running_ = id;
    try {
        worker_ = std::make_unique<WorkerProcess>(
            loop_, options_.worker, std::vector<std::string>{}, waiting.order(id), waiting.files,
            WorkerProcess::Events{
                .message = [this, id](const worker::Message& message) { on_message(id, message); },
                .output = [this, id](const std::string& line) { log_line(jobs_.at(id), line, true); },
                .ended = [this, id](const WorkerProcess::Outcome& outcome) { on_ended(id, outcome); }},
            options_.cancel_grace);
    } catch (const Error& e) {
        running_ = 0;
        end(job, State::failed, e.reason(), e.what());
        start_soon();
        return;
    }
    journal::log(journal::Priority::info, fmt::format("job {} ({}) started for {}", id, job.kind, job.caller),
                 {{"MESSAGE_ID", std::string(journal::job_started)},
                  {"RTNODE_JOB_ID", std::to_string(id)},
                  {"RTNODE_JOB_KIND", job.kind},
                  {"RTNODE_CALLER", job.caller}});
    change(job, State::running);
}

void Queue::start_cleaning() {
    needs_cleaning_ = false;
    const auto complain = [](const std::string& why) {
        journal::log(journal::Priority::warning,
                     fmt::format("what an interrupted job left could not be removed: {}", why));
    };
    try {
        worker_ = std::make_unique<WorkerProcess>(
            loop_, options_.worker, std::vector<std::string>{"--clean"}, options_.cleaning_order(),
            std::vector<UniqueFd>{},
            WorkerProcess::Events{.message =
                                      [](const worker::Message& message) {
                                          if (const auto* line = std::get_if<worker::Log>(&message))
                                              journal::log(journal::Priority::info,
                                                           fmt::format("cleaning: {}", line->line));
                                      },
                                  .output =
                                      [](const std::string& line) {
                                          journal::log(journal::Priority::info, fmt::format("cleaning: {}", line));
                                      },
                                  .ended =
                                      [this, complain](const WorkerProcess::Outcome& outcome) {
                                          // A cleaning worker has no result; it says nothing when all went well.
                                          if (outcome.failure && !(outcome.exited_well && outcome.died))
                                              complain(outcome.failure->message);
                                          worker_.reset();
                                          when_idle();
                                      }});
    } catch (const Error& e) {
        complain(e.what());
        start_soon();
    }
}

void Queue::on_message(std::uint32_t id, const worker::Message& message) {
    auto& job = jobs_.at(id);
    if (const auto* step = std::get_if<worker::Step>(&message)) {
        job.step = step->name;
        job.percent = std::max(job.percent, step->percent.value_or(0));
    } else if (const auto* done = std::get_if<worker::DoneStep>(&message)) {
        log_line(
            job,
            fmt::format("{}... done{}", done->name, done->detail.empty() ? "" : fmt::format(" ({})", done->detail)),
            false);
        return;
    } else if (const auto* line = std::get_if<worker::Log>(&message)) {
        log_line(job, line->line, true);
        return;
    } else if (std::holds_alternative<worker::Deploying>(message)) {
        job.deploying = true;
        return;
    }
    if (observer_ != nullptr) observer_->job_progress(job);
}

void Queue::on_ended(std::uint32_t id, const WorkerProcess::Outcome& outcome) {
    auto& job = jobs_.at(id);
    worker_.reset();
    running_ = 0;
    needs_cleaning_ = outcome.died;
    if (outcome.result) {
        job.result = outcome.result->object;
        job.percent = 100;
        end(job, State::done, Reason::Internal, {});
    } else if (shut_down_) {
        end(job, State::interrupted, Reason::Interrupted, fmt::format(interrupted_message, name_of(job.state)));
    } else if (job.state == State::canceling) {
        end(job, State::canceled, Reason::Canceled, fmt::format("job {} was canceled; no deployment was changed", id));
    } else {
        end(job, State::failed, outcome.failure->reason, outcome.failure->message);
    }
    forget_old();
    when_idle();
}

void Queue::when_idle() {
    if (shut_down_)
        loop_.post(shut_down_);
    else
        start_soon();
}

void Queue::end(Job& job, State state, Reason reason, const std::string& message) {
    if (state != State::done) {
        job.error_name = dbus_name(reason);
        job.error_message = message;
        log_line(job, fmt::format("error: {}", message), false);
    }
    job.step.clear();
    job.ended_us = now_us();
    change(job, state);
    announce_end(job);
}

void Queue::change(Job& job, State state) {
    job.transition(state);
    job.boot_id = options_.boot_id;
    store(job);
    if (observer_ != nullptr) observer_->job_changed(job);
}

void Queue::store(const Job& job) {
    // A full disk must not keep a job from ending: memory has the truth, a restart will find it interrupted.
    try {
        folder_.store(job);
    } catch (const Error& e) {
        journal::log(journal::Priority::error, e.what(), {{"RTNODE_JOB_ID", std::to_string(job.id)}});
    }
}

void Queue::log_line(Job& job, std::string_view line, bool tool) {
    if (tool && job.log_lines >= JournalFolder::max_tool_lines) {
        if (job.log_lines++ > JournalFolder::max_tool_lines) return;
        line = "(what tools print from here on is left out)";
    } else {
        ++job.log_lines;
    }
    folder_.append(job.id, line);
    journal::log(journal::Priority::debug, line, {{"RTNODE_JOB_ID", std::to_string(job.id)}});
}

void Queue::announce_end(const Job& job) const {
    const auto id_of = [&] {
        switch (job.state) {
        case State::done:
            return journal::job_done;
        case State::canceled:
            return journal::job_canceled;
        case State::interrupted:
            return journal::job_interrupted;
        default:
            return journal::job_failed;
        }
    };
    journal::log(job.state == State::failed ? journal::Priority::error : journal::Priority::notice,
                 fmt::format("job {} ({}) is {}{}{}", job.id, job.kind, name_of(job.state),
                             job.error_message.empty() ? "" : ": ", job.error_message),
                 {{"MESSAGE_ID", std::string(id_of())},
                  {"RTNODE_JOB_ID", std::to_string(job.id)},
                  {"RTNODE_JOB_KIND", job.kind},
                  {"RTNODE_JOB_STATE", std::string(name_of(job.state))},
                  {"RTNODE_ERROR", job.error_name}});
}

void Queue::forget_old() {
    std::vector<std::uint32_t> old;
    for (const auto& [id, job] : jobs_)
        if (ended(job.state)) old.push_back(id);
    if (old.size() <= max_ended) return;
    old.resize(old.size() - max_ended);
    for (const auto id : old) {
        jobs_.erase(id);
        folder_.remove(id);
        if (observer_ != nullptr) observer_->job_forgotten(id);
    }
}

void Queue::shut_down(std::function<void()> done) {
    if (shut_down_) return;
    shut_down_ = std::move(done);
    for (const auto id : queued_)
        end(jobs_.at(id), State::interrupted, Reason::Interrupted, fmt::format(interrupted_message, "queued"));
    queued_.clear();
    waiting_.clear();
    if (worker_ != nullptr)
        worker_->cancel();
    else
        loop_.post(shut_down_);
}

} // namespace rtnode::jobs
