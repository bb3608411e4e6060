#pragma once

#include "bus/authority.hpp"
#include "bus/latency_settings.hpp"
#include "bus/measurement_object.hpp"

#include "Latency-adaptor.hpp"

#include <map>

namespace rtnode::bus {

class LatencyObject final : public sdbus::AdaptorInterfaces<org::rtnode1::Latency_adaptor, sdbus::Properties_adaptor,
                                                            sdbus::ManagedObject_adaptor> {
  public:
    LatencyObject(sdbus::IConnection& connection, EventLoop& loop, Authority& authority,
                  std::function<LatencySettings()> settings);
    ~LatencyObject();

  private:
    using Row = sdbus::Struct<sdbus::ObjectPath, std::string, std::string>;

    void Start(sdbus::Result<sdbus::ObjectPath>&& result, Dictionary options) override;
    std::vector<Row> List() override;

    std::uint64_t start(const latency::Options& options);
    void forget_old();

    sdbus::IConnection& connection_;
    EventLoop& loop_;
    Authority& authority_;
    std::function<LatencySettings()> settings_;
    std::map<std::uint64_t, std::unique_ptr<MeasurementObject>> measurements_;
    std::uint64_t next_ = 1;
};

} // namespace rtnode::bus
