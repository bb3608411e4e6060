#pragma once
// The job queue: one job runs, at most 16 wait, 64 ended ones stay readable. Every change of state is on disk before
// anybody hears of it.

#include "jobs/journal_folder.hpp"
#include "jobs/worker_process.hpp"

#include <deque>
#include <map>
#include <memory>

namespace rtnode::jobs {

class Queue {
  public:
    static constexpr std::size_t max_queued = 16;
    static constexpr std::size_t max_ended = 64;

    /// Who wants to know. A Job's reference is good until the call returns.
    struct Observer {
        virtual ~Observer() = default;
        virtual void job_added(const Job& job) = 0;
        virtual void job_changed(const Job& job) = 0;     ///< state, error, result
        virtual void job_progress(const Job& job) = 0;    ///< percent, step; not coalesced
        virtual void job_forgotten(std::uint32_t id) = 0; ///< the 65th ended one
    };

    struct NewJob {
        std::string kind;
        std::string caller;
        std::string request; ///< JSON for the record: without secrets
        std::vector<UniqueFd> files;
        std::function<std::string(std::uint32_t id)> order; ///< the WorkOrder as JSON, made when the job starts
    };

    struct Options {
        std::filesystem::path folder; ///< STATE/jobs
        std::filesystem::path worker; ///< program
        std::string boot_id;
        std::function<std::string()> cleaning_order; ///< the WorkOrder for `--clean`
        std::chrono::milliseconds cancel_grace = WorkerProcess::default_grace;
    };

    Queue(EventLoop& loop, Options options);
    ~Queue();

    void observe(Observer* observer) { observer_ = observer; }

    /// Reads the journal; what was queued or running is interrupted. Then lets a worker clean up what those left,
    /// before the first job runs. To be called once, before the observer is set.
    void recover();

    /// @returns the job's number. @throws Error{QueueFull, NoSpace, Internal}
    std::uint32_t submit(NewJob job);

    /// @throws Error{TooLate} when it has ended or is being deployed
    void cancel(std::uint32_t id);

    /// Writes into an ended job's result and log what was found out about it later, as a text under `key`. To be called
    /// before the observer is set: nobody is told.
    void annotate(std::uint32_t id, const std::string& key, const std::string& text);

    const Job* find(std::uint32_t id) const; ///< nullptr: there is none (any more)
    const std::map<std::uint32_t, Job>& jobs() const { return jobs_; }
    bool busy() const; ///< a job is queued or runs
    std::vector<std::string> read_log(std::uint32_t id, std::uint64_t from, std::size_t limit) const;

    /// Ends the running worker (SIGTERM, 10 s, SIGKILL); every job that has not ended is interrupted. Then calls back.
    void shut_down(std::function<void()> done);

  private:
    struct Waiting {
        std::vector<UniqueFd> files;
        std::function<std::string(std::uint32_t)> order;
    };

    void start_soon(); ///< in a later round of the loop
    void start_next();
    void start_job(std::uint32_t id);
    void start_cleaning();
    void on_message(std::uint32_t id, const worker::Message& message);
    void on_ended(std::uint32_t id, const WorkerProcess::Outcome& outcome);
    void end(Job& job, State state, Reason reason, const std::string& message);
    void change(Job& job, State state);
    void log_line(Job& job, std::string_view line, bool tool);
    void store(const Job& job);
    void forget_old();
    void announce_end(const Job& job) const;
    void when_idle();

    EventLoop& loop_;
    Options options_;
    JournalFolder folder_;
    Observer* observer_ = nullptr;
    std::map<std::uint32_t, Job> jobs_;
    std::map<std::uint32_t, Waiting> waiting_;
    std::deque<std::uint32_t> queued_;
    std::uint32_t running_ = 0; ///< 0 = none
    std::unique_ptr<WorkerProcess> worker_;
    bool needs_cleaning_ = false;
    EventLoop::Source start_timer_;
    std::function<void()> shut_down_;
};

} // namespace rtnode::jobs
