#pragma once

#include "bus/authority.hpp"
#include "bus/guard.hpp"
#include "bus/load.hpp"
#include "bus/options.hpp"
#include "latency/measurement.hpp"
#include "latency/store/store.hpp"
#include "loop/event_loop.hpp"
#include "state/error.hpp"

#include "Measurement-adaptor.hpp"

namespace rtnode::bus {

/// A run of this daemon, or one that the store kept. Reports are read from the store; here stays a summary.
class MeasurementObject final
    : public sdbus::AdaptorInterfaces<org::rtnode1::Measurement_adaptor, sdbus::Properties_adaptor,
                                      sdbus::ManagedObject_adaptor> {
  public:
    static std::string path_of(std::uint64_t number);

    /// One that runs. @param purpose why it does @param load that runs beside it and ends with it, or null
    /// @param ended called once it has been stored
    MeasurementObject(sdbus::IConnection& connection, EventLoop& loop, Authority& authority, std::uint64_t number,
                      latency::Purpose purpose, std::unique_ptr<latency::Measurement> run,
                      std::unique_ptr<bus::Load> load, latency::Store store, std::function<void()> ended);

    /// One that ended earlier; it is read when somebody asks.
    MeasurementObject(sdbus::IConnection& connection, Authority& authority, std::uint64_t number,
                      latency::Purpose purpose, latency::Store store);
    ~MeasurementObject();

    std::string Name() override;
    std::string State() override;

    std::uint64_t number() const { return number_; }
    latency::Purpose purpose() const { return purpose_; }
    bool running() const { return run_ != nullptr; }
    void end_now(); ///< one that runs: stopped and stored when this returns, at most an interval later
    /// One that runs: ends within an interval, for the daemon's own end. The result says so, and isn't valid.
    void cut_short();
    /// Of one that has ended: the run whose text its own took the place of; 0 = none.
    std::uint64_t text_taken_from() const { return text_taken_from_; }
    void files_changed();                                 ///< tells it
    const bus::Load* load() const { return load_.get(); } ///< null when none runs now
    /// Of one that has ended: without histograms, kept; and whole, from the store. @throws Error{InvalidArgument} while
    /// it runs, Error{NoSuchMeasurement}
    const latency::Result& summary();
    latency::Result result();
    /// The summary of one that is done; null = it runs or failed, or can't be read, which is logged the first time.
    const latency::Result* if_done();
    /// @param find the run that the page of one that has ended compares it with; null = there is none
    void set_baseline(std::function<MeasurementObject*(MeasurementObject&)> find) { baseline_ = std::move(find); }

    /// At any time: as far as it has come. @throws Error{NoSuchMeasurement} when it has ended and its file is gone
    latency::Result so_far();
    const latency::Options& options(); ///< @throws Error{NoSuchMeasurement} when it has ended and can't be read

  private:
    using WaitReply = Reply<std::string, Dictionary>;

    void Stop(sdbus::Result<>&& result) override;
    void Wait(sdbus::Result<std::string, Dictionary>&& result) override;
    std::string GetReport(const std::string& format) override;
    sdbus::UnixFd Snapshot() override;

    std::string End() override;
    std::vector<std::string> Invalid() override;
    std::vector<std::string> Files() override;
    std::string Load() override;
    std::uint64_t Started() override;
    std::uint64_t Duration() override;
    std::uint32_t Interval() override;
    std::uint32_t Resolution() override;
    bool Watch() override { return purpose_ == latency::Purpose::watch; }
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
    std::vector<std::uint64_t> Spikes() override;
    std::vector<Dictionary> Percentiles() override;
    std::vector<Dictionary> CorrectedPercentiles() override;

    std::string page();           ///< the report "html"
    void must_have_ended() const; ///< @throws Error{InvalidArgument}
    void on_finished();
    void on_load_ended();
    latency::Result with_load(latency::Result result) const;
    void observe(); ///< what is to be done once a second while it runs
    void tell_spikes();
    void answer(const WaitReply& reply);
    /// Of a run that goes on as it was at most 1 ms ago: who reads all properties makes a dozen calls of this in a row.
    const std::vector<latency::CpuStatistics>& statistics();

    template <typename T, typename F>
    std::vector<T> each_cpu(F value);
    std::vector<Dictionary>
    percentiles(decltype(latency::CpuStatistics::percentiles_ns) latency::CpuStatistics::*values);

    EventLoop* loop_ = nullptr; ///< of one that runs
    Authority& authority_;
    std::uint64_t number_;
    latency::Purpose purpose_;
    latency::Store store_;
    std::chrono::system_clock::time_point started_;
    /// The same by a clock that nobody sets.
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    std::unique_ptr<latency::Measurement> run_; ///< while it runs
    std::vector<latency::CpuStatistics> statistics_;
    std::chrono::steady_clock::time_point looked_{}; ///< when they were taken
    std::unique_ptr<bus::Load> load_;                ///< while it runs
    std::string load_text_, load_end_;               ///< what it was, and that it ended before the measurement; or ""
    std::string cut_short_;                          ///< by what, and when; or ""
    std::unique_ptr<latency::Result> summary_;
    std::uint64_t text_taken_from_ = 0;
    bool damage_told_ = false;
    std::optional<Error> store_error_; ///< then summary_ is the whole result
    EventLoop::Source finished_, second_;
    std::function<void()> ended_;
    std::function<MeasurementObject*(MeasurementObject&)> baseline_;
    std::vector<WaitReply> waiting_;
    std::shared_ptr<void> alive_ = std::make_shared<int>(); ///< for answers that come late
};

} // namespace rtnode::bus
