#include "jobs/inspection.hpp"

#include <utility>

namespace rtnode::jobs {

Inspection::Inspection(EventLoop& loop, std::filesystem::path worker, std::function<std::string()> order)
    : loop_(loop), program_(std::move(worker)), order_(std::move(order)) {}

Inspection::~Inspection() = default;

void Inspection::run(Done done) {
    waiting_.push_back(std::move(done));
    if (waiting_.size() == 1) start_timer_ = loop_.timer(std::chrono::milliseconds(0), [this] { start(); });
}

void Inspection::start() {
    try {
        worker_ = std::make_unique<WorkerProcess>(
            loop_, program_, std::vector<std::string>{"--verify"}, order_(), std::vector<UniqueFd>{},
            WorkerProcess::Events{.message = [](const worker::Message&) {},
                                  .output = [](const std::string&) {},
                                  .ended =
                                      [this](const WorkerProcess::Outcome& outcome) {
                                          worker_.reset();
                                          if (outcome.result) return answer(outcome.result->object, nullptr);
                                          const auto error =
                                              outcome.failure
                                                  ? Error(outcome.failure->reason, outcome.failure->message)
                                                  : fail(Reason::WorkerDied, "the verifying worker said nothing");
                                          answer({}, &error);
                                      }});
    } catch (const Error& error) {
        answer({}, &error);
    }
}

void Inspection::answer(const std::string& result, const Error* error) {
    for (const auto& done : std::exchange(waiting_, {}))
        done(result, error);
}

} // namespace rtnode::jobs
