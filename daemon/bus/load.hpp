#pragma once
// A load beside a measurement: stress-ng as a transient unit of systemd (org.freedesktop.systemd1(5)), over the
// daemon's own connection. systemd ends it, too, should the daemon not be able to.

#include "latency/load.hpp"
#include "loop/event_loop.hpp"

#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace rtnode::bus {

class Load {
  public:
    struct Order {
        std::uint64_t measurement = 0;       ///< its number; the unit is rtnode-load-N.service
        latency::LoadOptions options;        ///< validated
        CpuList isolated;                    ///< CPUs among which the scheduler doesn't balance
        std::chrono::nanoseconds duration{}; ///< of the measurement; half a minute later systemd ends the load itself
    };
    /// Called once: nullptr when it runs, else Error{LoadUnavailable}. It may destroy the load.
    using Started = std::function<void(const std::exception*)>;

    /// Asks systemd for it. stress-ng is $RTNODE_STRESS_NG or bin/stress-ng of own_prefix().
    /// @throws Error{LoadUnavailable} when there is no such program
    Load(sdbus::IConnection& connection, EventLoop& loop, const Order& order, Started started);
    /// Has it stopped; doesn't wait for that.
    ~Load();
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    /// @param ended called once if it ends by itself after it ran; it may destroy the load
    void on_end(std::function<void()> ended) { ended_ = std::move(ended); }

    const std::string& unit() const { return unit_; }
    const latency::LoadOptions& options() const { return options_; }

  private:
    void ask(std::vector<sdbus::Struct<std::string, sdbus::Variant>> properties);
    void on_unit_removed();
    void later(std::function<void()> work);
    void settle(const std::string& why_not); ///< "" = it runs
    void end();

    EventLoop& loop_;
    std::string unit_;
    latency::LoadOptions options_;
    Started started_;
    std::function<void()> ended_;
    bool ours_ = true; ///< as far as is known, systemd has it, or will
    std::unique_ptr<sdbus::IProxy> manager_;
    sdbus::Slot job_removed_, unit_removed_;
    EventLoop::Source patience_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace rtnode::bus
