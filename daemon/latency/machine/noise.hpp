#pragma once
// The kernel's own tracers of what disturbs a CPU (Documentation/trace/osnoise-tracer.rst, timerlat-tracer.rst), lent
// to an instance of tracefs: they time each interrupt and NMI to the nanosecond, without what came on top of it.
//
// osnoise is run without its workload (option NO_OSNOISE_WORKLOAD, Linux 6.2 and stable 6.1): with it a thread of its
// own takes the CPU that is to be measured. timerlat can't do without its thread, of SCHED_FIFO 95; it is woken once a
// second here, as rarely as it can be. Neither names threads: timerlat tells only of those that ran between its
// interrupt and its thread, and osnoise neither their priority nor who runs now. sched_switch does, so that is traced
// beside them.
//
// Their settings are everybody's, not the instance's. So what stood there is kept in the name of the instance, which
// lives exactly as long as our settings do, also when the daemon is killed:
// "rtnode-1:cpus=0-3:options=OSNOISE_WORKLOAD".

#include "latency/options.hpp"

#include <string>
#include <utility>
#include <vector>

namespace rtnode::latency {

class NoiseTracer {
  public:
    /// Looks whether it can be had, and what would have to be set for it. Changes nothing.
    /// @param tracer "osnoise" or "timerlat"
    /// @param tracing the folder where tracefs is mounted
    NoiseTracer(std::string tracer, const CpuList& cpus, std::string tracing);

    /// Why not: the kernel has none, or somebody else's runs, which would stop or change by ours; "" = it can be had.
    const std::string& why_not() const { return why_not_; }

    /// What stands there now and will be changed, to be the end of the instance's name.
    std::string kept() const;

    /// Sets what is needed and runs the tracer in an instance with such a name. @returns why that failed; "" = it runs
    std::string start(const std::string& instance) const;

    /// Sets what an instance's name has kept, after its tracer has stopped. Somebody else's tracer that runs by now is
    /// left as it is. Nothing when the name has kept nothing.
    static void restore(const std::string& tracing, const std::string& instance_name) noexcept;

  private:
    struct Setting {
        std::string file, before, wanted;
    };

    std::string tracer_, tracing_, why_not_;
    std::vector<Setting> settings_;
};

} // namespace rtnode::latency
