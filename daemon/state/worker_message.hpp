#pragma once
// What a worker process tells the daemon: one JSON object in each datagram of a SOCK_SEQPACKET socket. The worker
// inherits these descriptors and nothing else but 0 (/dev/null), 1 and 2 (the log):
//
//   3      the socket to the daemon, for these messages
//   4      the WorkOrder as JSON in a sealed memfd
//   10…    the caller's open files, in the order of "fd:0", "fd:1", … in the request
//
// Its environment holds PATH, LANG and what is named in worker_environment. SIGTERM asks it to cancel; after 10 s
// SIGKILL follows. It exits with 0 after a Result and with anything else after a Failure; when it is gone without
// either, the job failed with WorkerDied. `rtnode-worker --clean` gets the same descriptors (a WorkOrder with job 0):
// it removes what a killed worker left, and sends log lines and nothing else but maybe a Failure. So does
// `rtnode-worker --verify`, which only looks, and answers with a Result {"checks": […]} (verification.hpp).

#include "state/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace rtnode::worker {

inline constexpr int socket_fd = 3;
inline constexpr int order_fd = 4;
inline constexpr int first_passed_fd = 10;

/// No datagram is longer, bytes. Log lines are cut to fit; a result that doesn't is an error of the worker.
inline constexpr std::size_t max_datagram = 128 * 1024;

/// Variables of the daemon that a worker gets too.
inline constexpr std::array<std::string_view, 4> worker_environment{"G_DEBUG", "RTNODE_FAILPOINT", "ASAN_OPTIONS",
                                                                    "UBSAN_OPTIONS"};

/// {"step": "Resolving dependencies", "percent": 12}: a step began; percent of the whole job, 0 … 100.
struct Step {
    std::string name;
    std::optional<unsigned> percent; ///< absent: as before
};

/// {"done-step": "Resolving dependencies", "detail": "12 packages"}: it ended well; the log gets "NAME... done" and
/// the detail, if any, in parentheses.
struct DoneStep {
    std::string name;
    std::string detail;
};

/// {"log": "line"}: for the job's log; no newline.
struct Log {
    std::string line;
};

/// {"deploying": true}: from here on Cancel is too late. Sent before the deploy step begins.
struct Deploying {};

/// {"result": {…}}: the job is done; the keys are documented at org.rtnode1.Job's property Result. The last message.
struct Result {
    std::string object; ///< the JSON object as text
};

/// {"error": {"name": "org.rtnode1.Error.X", "message": "…"}}: the job failed (or was canceled). The last message.
struct Failure {
    Reason reason = Reason::Internal;
    std::string message;
};

using Message = std::variant<Step, DoneStep, Log, Deploying, Result, Failure>;

/// The datagram. Bytes that aren't UTF-8 are replaced; a log line that is too long is cut.
/// @throws Error{Internal} when a result or an error is above max_datagram
std::string encode(const Message& message);

/// The reverse of encode(). @throws Error{Internal} saying what is wrong with the datagram
Message decode(std::string_view datagram);

} // namespace rtnode::worker
