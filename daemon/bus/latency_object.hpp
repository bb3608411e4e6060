#pragma once

#include "bus/authority.hpp"
#include "bus/latency_settings.hpp"
#include "bus/load.hpp"
#include "bus/measurement_object.hpp"
#include "latency/compare/watch.hpp"

#include "Latency-adaptor.hpp"

#include <map>
#include <set>

namespace rtnode::bus {

class LatencyObject final : public sdbus::AdaptorInterfaces<org::rtnode1::Latency_adaptor, sdbus::Properties_adaptor,
                                                            sdbus::ManagedObject_adaptor> {
  public:
    LatencyObject(sdbus::IConnection& connection, EventLoop& loop, Authority& authority,
                  std::function<LatencySettings()> settings);
    ~LatencyObject();

    /// Of the newest measurement that somebody asked for and that can be read, and of the regression watch; "" when
    /// there is none.
    std::string metrics();

    /// Ends all that runs, for the daemon's own end, and stores it as far as it has come: at most an interval later.
    /// Nothing starts any more.
    void shut_down();

  private:
    using Row = sdbus::Struct<sdbus::ObjectPath, std::string, std::string>;

    void Start(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) override;
    std::vector<Row> List() override;
    Dictionary Compare(const std::string& a, const std::string& b, const Dictionary& options) override;
    void Watch(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) override;
    Dictionary LastWatch() override;

    MeasurementObject& existing(std::uint64_t number);
    MeasurementObject& newest_ended();
    /// The newest one before `judged` with its options, under the same conditions or under others.
    MeasurementObject* find_earlier(MeasurementObject& judged, bool same_conditions); ///< null: there is none
    MeasurementObject& earlier(MeasurementObject& judged, bool same_conditions);

    struct Asked {
        latency::Options options;
        latency::LoadOptions load;
    };
    /// A measurement that starts when its load runs.
    struct Starting {
        CpuList cpus;
        std::unique_ptr<Load> load;
    };
    static Asked parse(const Dictionary& options);
    static latency::Store store_of(const LatencySettings& settings);

    latency::Host host() const;
    void start(const Asked& asked, const Reply<sdbus::ObjectPath>& reply);
    std::uint64_t take_number(); ///< for a run that starts now @throws as latency::Store
    /// Before a load is made for it. @throws Error{CpuBusy}
    void respect_others(const latency::Options& options, const CpuList& measured, bool with_load) const;
    void run(std::uint64_t number, const latency::Options& options, std::unique_ptr<Load> load,
             latency::Purpose purpose = latency::Purpose::request);
    void add(std::unique_ptr<MeasurementObject> measurement);
    std::vector<latency::Stored> ended() const; ///< oldest first, also what could not be stored
    latency::Keep keep();                       ///< @throws Error{Internal}
    void forget_old();
    void clean_texts(); ///< of what a killed daemon did not finish

    // The regression watch, latency_watch.cpp.
    void load_watch();
    /// Whether somebody called it the baseline, and it can be one.
    static bool is_named_baseline(MeasurementObject& measurement);
    /// Of those that would go: the newest with the name under its conditions, by which the watch would judge.
    std::set<std::uint64_t> named_baselines(const std::vector<std::uint64_t>& going);
    std::set<std::uint64_t> accepted() const; ///< measurements by which deployments were accepted
    /// What a watch compares with now. @param conditions latency::conditions_key() of now @throws
    /// Error{NoSuchMeasurement}
    MeasurementObject& watch_baseline(const std::string& conditions);
    sdbus::ObjectPath start_watch(std::chrono::nanoseconds duration);
    void judge_watch(MeasurementObject& run);
    void tell_turn(latency::Turn turn);
    CpuList watched_cpus(); ///< that a run of the watch measures now
    void end_watch();       ///< for somebody who measures now
    std::string watch_metrics() const;

    sdbus::IConnection& connection_;
    EventLoop& loop_;
    Authority& authority_;
    std::function<LatencySettings()> settings_;
    std::map<std::uint64_t, std::unique_ptr<MeasurementObject>> measurements_;
    std::map<std::uint64_t, Starting> starting_;
    latency::WatchRecord watch_;
    std::uint64_t watch_baseline_ = 0; ///< of the watch that runs; 0 = none does
    std::uint64_t next_ = 1;           ///< at least
    bool shut_down_ = false;
};

} // namespace rtnode::bus
