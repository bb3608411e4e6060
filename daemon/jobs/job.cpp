#include "jobs/job.hpp"

namespace rtnode::jobs {

std::string_view name_of(State state) {
    switch (state) {
    case State::queued:
        return "queued";
    case State::running:
        return "running";
    case State::canceling:
        return "canceling";
    case State::done:
        return "done";
    case State::failed:
        return "failed";
    case State::canceled:
        return "canceled";
    case State::interrupted:
        return "interrupted";
    }
    return "unknown";
}

void Job::transition(State to) {
    if (!legal(state, to))
        throw fail(Reason::Internal, "job {} can't go from {} to {}", id, name_of(state), name_of(to));
    state = to;
}

} // namespace rtnode::jobs
