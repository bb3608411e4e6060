#include "latency/exclusive_cpus.hpp"

#include "latency/permission.hpp"
#include "state/error.hpp"
#include "state/machine_files.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

namespace rtnode::latency {
namespace {

namespace fs = std::filesystem;

/// "" where there is none: a cgroup may go at any time.
std::string text_of(const fs::path& path) {
    return line_of(path).value_or("");
}

/// The files of a version of the cgroup hierarchy, and what says that the CPUs are a cgroup's own.
struct Hierarchy {
    const char *owns, *cpus;
    bool (*is_own)(const std::string&);
};
constexpr Hierarchy unified{"cpuset.cpus.partition", "cpuset.cpus.effective",
                            [](const std::string& kind) { return kind == "root" || kind == "isolated"; }};
constexpr Hierarchy version_1{"cpuset.cpu_exclusive", "cpuset.cpus",
                              [](const std::string& flag) { return flag == "1"; }};

/// Whether a process runs in the cgroup or below it.
bool is_populated(const fs::path& folder) {
    if (!text_of(folder / "cgroup.procs").empty()) return true;
    std::error_code error;
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (it->path().filename() == "cgroup.procs" && !text_of(it->path()).empty()) return true;
    return false;
}

/// What can't be read, a cgroup that goes meanwhile above all, is nobody's.
std::vector<ExclusiveCpus> owned_below(const fs::path& top, const Hierarchy& hierarchy, const CpuList& wanted,
                                       const std::string& own) {
    std::vector<ExclusiveCpus> found;
    std::error_code error;
    for (fs::recursive_directory_iterator it(top, error), end; !error && it != end; it.increment(error)) {
        const auto folder = it->path().parent_path();
        if (it->path().filename() != hierarchy.owns || folder == top || !hierarchy.is_own(text_of(it->path())))
            continue;
        const auto cgroup = "/" + folder.lexically_relative(top).string();
        if ((own + "/").starts_with(cgroup + "/") || !is_populated(folder)) continue;
        if (auto cpus = cpus_in_both(parse_cpu_list(text_of(folder / hierarchy.cpus)), wanted); !cpus.empty())
            found.push_back({.cpus = std::move(cpus), .pod = {}, .container = {}, .cgroup = cgroup});
    }
    return found;
}

} // namespace

std::vector<ExclusiveCpus> exclusive_cpus(const CpuList& wanted, std::string& doubt, const std::string& root) {
    doubt.clear();
    const auto path = root + "/var/lib/kubelet/cpu_manager_state";
    std::ifstream file(path);
    if (!file) return {};
    std::vector<ExclusiveCpus> found;
    try {
        const auto state = nlohmann::json::parse(file);
        if (state.at("policyName") != "static") return {};
        const auto entries = state.find("entries");
        if (entries == state.end() || entries->is_null()) return {};
        for (const auto& [pod, containers] : entries->items())
            for (const auto& [container, list] : containers.items())
                if (auto cpus = cpus_in_both(parse_cpu_list(list.get<std::string>()), wanted); !cpus.empty())
                    found.push_back({.cpus = std::move(cpus), .pod = pod, .container = container, .cgroup = {}});
    } catch (const std::exception& e) {
        doubt =
            fmt::format("whether pods have CPUs of their own is unknown: {} can't be understood ({})", path, e.what());
        return {};
    }
    return found;
}

std::vector<ExclusiveCpus> partitioned_cpus(const CpuList& wanted, const std::string& root) {
    auto found = owned_below(root + "/sys/fs/cgroup", unified, wanted, cgroup_of(root));
    const auto older = owned_below(root + "/sys/fs/cgroup/cpuset", version_1, wanted, cgroup_of(root, "cpuset"));
    found.insert(found.end(), older.begin(), older.end());
    return found;
}

std::vector<ExclusiveCpus> owned_cpus(const CpuList& wanted, std::string& doubt, const std::string& root) {
    auto owned = exclusive_cpus(wanted, doubt, root);
    const auto partitioned = partitioned_cpus(wanted, root);
    owned.insert(owned.end(), partitioned.begin(), partitioned.end());
    return owned;
}

std::string describe(const ExclusiveCpus& exclusive) {
    const auto cpus = format_cpu_list(exclusive.cpus);
    if (!exclusive.cgroup.empty())
        return fmt::format("CPU {} belongs to cgroup {} alone (its cpuset is a partition)", cpus, exclusive.cgroup);
    return fmt::format("CPU {} belongs to container {} of pod {} alone (kubelet's static CPU manager)", cpus,
                       exclusive.container, exclusive.pod);
}

} // namespace rtnode::latency
