#pragma once
// What a node should be: packages, kernel arguments, CPU sets, huge pages, run-time settings, and how to judge the
// result. Read by config/profile_file from TOML; JSON is its form on the way to the worker.

#include "state/cpu_list.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rtnode {

struct Profile {
    std::string name;               ///< its file's, without ".toml"
    std::string description;        ///< for people, one line
    std::vector<std::string> files; ///< that said it, the drop-ins in their order

    // [packages]: as of Manager.Override
    std::string kernel;         ///< "" = as it is, "rt", "stock"
    std::string kernel_version; ///< KernelVersion::parse(); "" = the configured one
    std::vector<std::string> replace, remove, install;

    // [cpus]: lists, or so many cores and the rest; neither = no CPU sets
    CpuList reserved, isolated;
    unsigned reserve_cores = 0; ///< whole cores to reserve, chosen by profile/cpu_sets; not together with lists

    // [kernel-arguments]
    std::vector<std::string> append; ///< verbatim, in this order, after the computed ones
    bool isolate = false;            ///< compute the arguments that isolate the CPU set `isolated`
    bool balance_isolated = true;    ///< with isolate: the scheduler balances among isolated CPUs (no domain flag)
    bool real_time = true;           ///< with isolate: NTO's hint realTime
    bool high_power = false;         ///< with isolate: NTO's hint highPowerConsumption

    // [huge-pages]
    struct HugePages {
        std::uint64_t size_kib = 0; ///< 2048 or 1048576
        std::uint64_t count = 0;
        std::optional<unsigned> numa_node; ///< nothing = over all nodes, by the kernel's command line

        bool operator==(const HugePages&) const = default;
    };
    std::uint64_t default_huge_page_kib = 0; ///< 0 = the kernel's
    std::vector<HugePages> huge_pages;

    // [run-time]: set at each boot, not on the kernel's command line
    bool housekeeping_workqueues = false;        ///< workqueue masks to the CPUs that aren't isolated
    bool housekeeping_interrupts = false;        ///< interrupts' affinity, too
    std::optional<bool> ignore_corrected_errors; ///< machinecheck*/ignore_ce
    std::optional<bool> timer_migration;         ///< kernel.timer_migration
    std::map<std::string, std::string> sysctls;

    // [verify]
    bool require_real_time = false;       ///< the running kernel must be PREEMPT_RT
    std::string clocksource;              ///< must be this; "" = any
    std::string microcode;                ///< lowest revision on every CPU, as "0x2b000603"; "" = any
    unsigned max_isolated_interrupts = 0; ///< device interrupts that may be bound to isolated CPUs

    // [acceptance]: a measurement that must be good before the deployment is; no duration = none
    struct Acceptance {
        std::string cpus; ///< a list, "isolated", or "" = every online one
        std::chrono::seconds duration{};
        std::chrono::microseconds interval{1000};
        unsigned max_us = 0;          ///< the largest latency allowed; 0 = any
        unsigned p99_99_us = 0;       ///< 0 = any
        bool baseline = false;        ///< must not be worse than the last accepted one
        double tolerance = 0.1;       ///< with baseline: so much worse is no worse, 0 … 1
        bool on_stock_kernel = false; ///< judge also where no real-time kernel runs

        bool operator==(const Acceptance&) const = default;
    };
    Acceptance acceptance;
    bool rollback = false;         ///< on failure go back to the deployment that was good; else only report
    bool force_on_managed = false; ///< rollback also under the machine-config daemon

    // [reboot]
    enum class Reboot {
        manual,    ///< somebody calls Reboot
        immediate, ///< as soon as the deployment is there
        idle,      ///< when no job and no measurement runs and nobody is logged in
        window,    ///< between two times of the day
        external   ///< when a file is there or a unit is active
    };
    Reboot reboot = Reboot::manual;
    std::string window_start;             ///< "02:00", local time
    std::chrono::minutes window_length{}; ///< at most a day
    std::vector<std::string> window_days; ///< "mon" … "sun"; none = every day
    std::string go_file;                  ///< of external: absolute path
    std::string go_unit;                  ///< of external: a systemd unit that is active then

    bool operator==(const Profile&) const = default;
};

void to_json(nlohmann::json& json, const Profile& profile);
void from_json(const nlohmann::json& json, Profile& profile);

} // namespace rtnode
