#include "config/profile_keys.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace rtnode::config {
namespace {

/// A profile's values beside their places.
class Judge {
  public:
    explicit Judge(const ProfileReading& reading) : profile_(reading.profile), said_(reading.said) {}

    void judge() const {
        judge_packages();
        judge_cpu_sets();
        judge_huge_pages();
        judge_run_time();
        judge_what_does_nothing();
        judge_rollback();
        judge_reboot();
    }

  private:
    bool said(const std::string& key) const { return said_.contains(key); }

    /// @param key "section.key", which some file said
    Error refused(const std::string& what, const std::string& key, const std::string& remedy) const {
        return config::refused(what, said_.at(key), "here", remedy + manual);
    }
    Error refused(const std::string& what, const std::string& key, const std::string& other_key,
                  const std::string& remedy) const {
        return config::refused(what, said_.at(key), "here", said_.at(other_key), "and here", remedy + manual);
    }

    void judge_packages() const {
        for (const auto& [key, list] :
             {std::pair{"packages.replace", &profile_.replace}, std::pair{"packages.install", &profile_.install}})
            for (const auto& name : profile_.remove)
                if (std::ranges::find(*list, name) != list->end())
                    throw refused(fmt::format("the package '{}' can't be removed and be there", name),
                                  "packages.remove", key, "take it out of one of the lists");
        if (profile_.kernel == "stock" && profile_.require_real_time)
            throw refused("the stock kernel is no real-time kernel", "packages.kernel", "verify.require-real-time",
                          "write kernel = \"rt\", or require-real-time = false");
    }

    void judge_cpu_sets() const {
        if (const auto both = cpus_in_both(profile_.reserved, profile_.isolated); !both.empty())
            throw refused(fmt::format("CPUs can't be both reserved and isolated: {}", format_cpu_list(both)),
                          "cpus.reserved", "cpus.isolated", "give each CPU to one list");
        for (const auto& [key, list] :
             {std::pair{"cpus.reserved", &profile_.reserved}, std::pair{"cpus.isolated", &profile_.isolated}})
            if (profile_.reserve_cores != 0 && !list->empty())
                throw refused("the CPU sets are either listed or chosen by `reserve-cores`", "cpus.reserve-cores", key,
                              "write reserve-cores = 0, or \"\" for the lists, in the last file");
        if (profile_.reserve_cores != 0 || !profile_.reserved.empty() || !profile_.isolated.empty()) return;
        for (const auto& [key, wanted] :
             {std::pair{"kernel-arguments.isolate", profile_.isolate},
              std::pair{"run-time.housekeeping-workqueues", profile_.housekeeping_workqueues},
              std::pair{"run-time.housekeeping-interrupts", profile_.housekeeping_interrupts},
              std::pair{"acceptance.cpus", profile_.acceptance.cpus == "isolated"}})
            if (wanted)
                throw refused(fmt::format("{} is about isolated CPUs, and the profile has none", words(key)), key,
                              "give reserved and isolated, or reserve-cores, in [cpus]");
    }

    void judge_huge_pages() const {
        for (const auto& argument : profile_.append) {
            const auto key = argument.substr(0, argument.find('='));
            if (key != "hugepages" && key != "hugepagesz" && key != "default_hugepagesz") continue;
            for (const auto& [other, there] :
                 {std::pair{"huge-pages.pages", !profile_.huge_pages.empty()},
                  std::pair{"huge-pages.default-size", profile_.default_huge_page_kib != 0}})
                if (there)
                    throw refused(
                        fmt::format("huge pages can't come from `append` ({}) and from [huge-pages]", argument),
                        "kernel-arguments.append", other, "leave them to [huge-pages]");
        }
    }

    void judge_run_time() const {
        constexpr auto migration = "kernel.timer_migration";
        if (profile_.timer_migration && profile_.sysctls.contains(migration))
            throw refused(fmt::format("{} is set twice", migration), "run-time.timer-migration",
                          std::string("run-time.sysctls.") + migration, "write timer-migration alone");
    }

    /// A key whose switch no file has: it was forgotten. One that is off is what a drop-in may have taken back.
    void judge_what_does_nothing() const {
        for (const auto& [key, switched_by] :
             {std::pair{"packages.kernel-version", "packages.kernel"},
              std::pair{"kernel-arguments.balance-isolated", "kernel-arguments.isolate"},
              std::pair{"kernel-arguments.real-time", "kernel-arguments.isolate"},
              std::pair{"kernel-arguments.high-power", "kernel-arguments.isolate"},
              std::pair{"acceptance.cpus", "acceptance.duration"},
              std::pair{"acceptance.interval", "acceptance.duration"},
              std::pair{"acceptance.max-us", "acceptance.duration"},
              std::pair{"acceptance.p99-99-us", "acceptance.duration"},
              std::pair{"acceptance.baseline", "acceptance.duration"},
              std::pair{"acceptance.on-stock-kernel", "acceptance.duration"},
              std::pair{"acceptance.tolerance", "acceptance.baseline"},
              std::pair{"acceptance.force-on-managed", "acceptance.on-failure"},
              std::pair{"reboot.window", "reboot.when"}, std::pair{"reboot.days", "reboot.when"},
              std::pair{"reboot.go-file", "reboot.when"}, std::pair{"reboot.go-unit", "reboot.when"}})
            if (said(key) && !said(switched_by))
                throw refused(fmt::format("{} does nothing without {}", words(key), words(switched_by)), key,
                              "say that, too, or leave this out");
    }

    void judge_rollback() const {
        const auto& acceptance = profile_.acceptance;
        const bool measures = acceptance.duration.count() > 0 &&
                              (acceptance.max_us != 0 || acceptance.p99_99_us != 0 || acceptance.baseline);
        const bool demands = profile_.require_real_time || !profile_.clocksource.empty() ||
                             !profile_.microcode.empty() || said("verify.max-isolated-interrupts");
        if (profile_.rollback && !measures && !demands)
            throw refused("nothing can fail that on-failure = \"rollback\" is for", "acceptance.on-failure",
                          "give `duration` and `max-us`, `p99-99-us` or `baseline` in [acceptance], or demands in "
                          "[verify]");
    }

    void judge_reboot() const {
        if (profile_.reboot == Profile::Reboot::window && profile_.window_start.empty())
            throw refused("when = \"window\" needs a `window`", "reboot.when", "write window = \"22:00-04:00\"");
        if (profile_.reboot == Profile::Reboot::external && profile_.go_file.empty() && profile_.go_unit.empty())
            throw refused("when = \"external\" needs a `go-file` or a `go-unit`", "reboot.when",
                          "write go-file = \"/run/rtnode/go\"");
    }

    /// "`max-us` in [acceptance]" for "acceptance.max-us".
    static std::string words(std::string_view key) {
        const auto dot = key.find('.');
        return fmt::format("`{}` in [{}]", key.substr(dot + 1), key.substr(0, dot));
    }

    static constexpr auto manual = "; see rtnode.profile(5)";

    const Profile& profile_;
    const std::map<std::string, Value>& said_;
};

} // namespace

void refuse_contradictions(const ProfileReading& reading) {
    Judge(reading).judge();
}

} // namespace rtnode::config
