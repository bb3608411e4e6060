#include "worker/reporter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string_view>

#include <sys/socket.h>

namespace rtnode::worker {
namespace {

volatile std::sig_atomic_t cancel_asked = 0;

/// Where a step stands in the whole of an override, percent; measured on the throwaway node, dracut is the long one.
constexpr std::array<std::pair<std::string_view, unsigned>, 25> percent_at_start{{
    {"Checking the node", 0},
    {"Pulling", 1},
    {"Importing rpm-md", 3},
    {"Resolving dependencies", 6},
    {"Downloading packages", 9},
    {"Checking packages", 15},
    {"Checking out tree", 18},
    {"Processing packages", 20},
    {"Running pre scripts", 24},
    {"Running post scripts", 26},
    {"Running posttrans scripts", 29},
    {"Writing rpmdb", 31},
    {"Generating initramfs", 33},
    {"Writing OSTree commit", 80},
    {"Staging deployment", 88},
    {"Writing deployment", 88},
    {"Cleaning up", 96},
    // of an import
    {"Checking metadata", 1},
    {"Copying packages", 5},
    {"Publishing", 98},
    // of profiles
    {"Applying run-time settings", 50},
    {"Verifying", 1},
    {"Measuring", 5},
    {"Comparing with the baseline", 90},
    {"Accepting", 95},
}};

std::optional<unsigned> percent_of(std::string_view step) {
    for (const auto& [prefix, percent] : percent_at_start)
        if (step.starts_with(prefix)) return percent;
    return std::nullopt;
}

} // namespace

void watch_for_cancel() {
    struct sigaction action {};
    action.sa_handler = [](int) { cancel_asked = 1; };
    // No SA_RESTART: a blocking call returns with EINTR, so that a cancel is seen at once.
    sigaction(SIGTERM, &action, nullptr);
}

bool canceled() {
    return cancel_asked != 0;
}

void throw_if_canceled() {
    if (canceled()) throw Error(Reason::Canceled, "the job was canceled; the node is as it was before");
}

bool Reporter::send(const Message& message) {
    if (socket_ < 0) {
        fmt::print(stderr, "{}\n", encode(message));
        return true;
    }
    const auto datagram = encode(message);
    while (::send(socket_, datagram.data(), datagram.size(), MSG_NOSIGNAL) < 0)
        if (errno != EINTR) return false;
    return true;
}

void Reporter::tell(const Message& message) {
    if (!send(message) && !deploying_)
        throw Error(Reason::Interrupted, "rtnoded is gone, so its worker ends too; the node is as it was before");
}

void Reporter::log(const std::string& line) {
    tell(Log{line});
}

void Reporter::warn(const std::string& line) {
    warnings_.push_back(line);
    log("warning: " + line);
}

void Reporter::deploying() {
    tell(Deploying{});
    deploying_ = true;
}

void Reporter::result(const std::string& json_object) {
    send(Result{json_object});
}

void Reporter::failure(Reason reason, const std::string& message) {
    send(Failure{reason, message});
}

void Reporter::step(const std::string& name) {
    end_step();
    current_ = name;
    began_ = std::chrono::steady_clock::now();
    tell(Step{name, percent_of(name)});
}

void Reporter::progress(double fraction) {
    const auto here = std::ranges::find_if(percent_at_start,
                                           [&](const auto& step) { return current_.starts_with(std::get<0>(step)); });
    if (here == percent_at_start.end() || std::next(here) == percent_at_start.end()) return;
    const auto span = std::next(here)->second - here->second;
    tell(Step{current_, here->second + static_cast<unsigned>(fraction * span)});
}

void Reporter::end_step(const std::string& detail) {
    if (current_.empty()) return;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
    seconds_.emplace_back(current_, took.count());
    tell(DoneStep{std::exchange(current_, {}), detail});
}

} // namespace rtnode::worker
