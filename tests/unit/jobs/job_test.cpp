#include "jobs/job.hpp"

#include <gtest/gtest.h>

using namespace rtnode;
using namespace rtnode::jobs;

static_assert(legal(State::queued, State::running));
static_assert(legal(State::canceling, State::done), "a cancel may come too late");
static_assert(!legal(State::done, State::running));
static_assert(!legal(State::queued, State::done));

TEST(JobState, EveryTransitionOutsideTheTableIsRefused) {
    for (const auto from : all_states)
        for (const auto to : all_states) {
            Job job;
            job.state = from;
            if (legal(from, to)) {
                job.transition(to);
                EXPECT_EQ(job.state, to);
            } else {
                EXPECT_THROW(job.transition(to), Error) << name_of(from) << " to " << name_of(to);
                EXPECT_EQ(job.state, from);
            }
        }
}

TEST(JobState, ExactlyFourStatesAreTheEnd) {
    for (const auto state : all_states)
        EXPECT_EQ(ended(state), state == State::done || state == State::failed || state == State::canceled ||
                                    state == State::interrupted)
            << name_of(state);
}
