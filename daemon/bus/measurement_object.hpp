#pragma once

#include "bus/authority.hpp"
#include "bus/guard.hpp"
#include "bus/options.hpp"
#include "latency/measurement.hpp"
#include "latency/store.hpp"
#include "loop/event_loop.hpp"

#include "Measurement-adaptor.hpp"

namespace rtnode::bus {

/// A run of this daemon, or one that the store kept. Reports are read from the store; here stays a summary.
class MeasurementObject final
    : public sdbus::AdaptorInterfaces<org::rtnode1::Measurement_adaptor, sdbus::Properties_adaptor,
                                      sdbus::ManagedObject_adaptor> {
  public:
    static std::string path_of(std::uint64_t number);

    /// One that runs. @param ended called once it has been stored
    MeasurementObject(sdbus::IConnection& connection, EventLoop& loop, Authority& authority, std::uint64_t number,
                      std::unique_ptr<latency::Measurement> run, latency::Store store, std::function<void()> ended);

    /// One that ended earlier; it is read when somebody asks.
    MeasurementObject(sdbus::IConnection& connection, Authority& authority, std::uint64_t number, latency::Store store);
    ~MeasurementObject();

    std::string Name() override;
    std::string State() override;

  private:
    using WaitReply = Reply<std::string, Dictionary>;

    void Stop(sdbus::Result<>&& result) override;
    void Wait(sdbus::Result<std::string, Dictionary>&& result) override;
    std::string GetReport(const std::string& format) override;

    std::string End() override;
    std::vector<std::string> Invalid() override;
    std::vector<std::string> Files() override;
    std::uint64_t Started() override;
    std::uint64_t Duration() override;
    std::uint32_t Interval() override;
    std::string Policy() override;
    std::uint32_t Priority() override;
    std::vector<std::uint32_t> Cpus() override;
    std::vector<std::uint64_t> Cycles() override;
    std::vector<std::uint64_t> Missed() override;
    std::vector<std::int64_t> Minimum() override;
    std::vector<double> Average() override;
    std::vector<std::int64_t> Maximum() override;
    std::vector<std::int64_t> Last() override;
    std::vector<std::uint64_t> Overflows() override;
    std::vector<std::uint64_t> Faults() override;
    std::vector<Dictionary> Percentiles() override;

    void on_finished();
    void answer(const WaitReply& reply);
    const latency::Options& options();
    std::vector<latency::CpuStatistics> statistics();
    const latency::Result& summary(); ///< without histograms; loads it when need be

    template <typename T, typename F>
    std::vector<T> each_cpu(F value);

    Authority& authority_;
    std::uint64_t number_;
    latency::Store store_;
    std::chrono::system_clock::time_point started_;
    std::unique_ptr<latency::Measurement> run_; ///< while it runs
    std::unique_ptr<latency::Result> summary_;
    std::vector<std::string> files_;
    std::string store_error_;
    EventLoop::Source finished_;
    std::function<void()> ended_;
    std::vector<WaitReply> waiting_;
};

} // namespace rtnode::bus
