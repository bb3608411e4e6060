#include "profile/effects/node_files.hpp"

#include "state/file_text.hpp"
#include "state/machine_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <system_error>

namespace rtnode::profile {
namespace {

namespace fs = std::filesystem;

bool there(const fs::path& file) {
    std::error_code missing;
    return fs::exists(file, missing);
}

bool movable(const fs::path& root, unsigned number) {
    std::error_code missing;
    const auto facts = fs::status(root / fmt::format("proc/irq/{}/smp_affinity", number), missing);
    if (!fs::exists(facts) || (facts.permissions() & fs::perms::owner_write) == fs::perms::none) return false;
    const auto state = file_text(root / fmt::format("sys/kernel/debug/irq/irqs/{}", number));
    return state.find("IRQD_AFFINITY_MANAGED") == std::string::npos;
}

/// `2 (kthreadd) S 0 0 0 0 -1 2129984 …`; the name may have anything in it.
std::optional<Task> parse_task(unsigned pid, const std::string& stat) {
    const auto from = stat.find('('), to = stat.rfind(')');
    if (from == std::string::npos || to == std::string::npos || to < from) return std::nullopt;
    std::istringstream fields(stat.substr(to + 1));
    std::string skipped;
    for (int field = 3; field < 9; ++field) // state … tpgid
        fields >> skipped;
    Task task{.pid = pid, .name = stat.substr(from + 1, to - from - 1)};
    if (!(fields >> task.flags)) return std::nullopt;
    return task;
}

} // namespace

std::string with_single_blanks(std::string_view text) {
    std::istringstream words{std::string(text)};
    std::string joined;
    for (std::string word; words >> word;)
        joined += (joined.empty() ? "" : " ") + word;
    return joined;
}

std::string listed(const std::vector<std::string>& items, std::size_t most) {
    const auto shown = static_cast<std::ptrdiff_t>(std::min(most, items.size()));
    const auto text = fmt::format("{}", fmt::join(items.begin(), items.begin() + shown, ", "));
    return items.size() > most ? fmt::format("{} and {} more", text, items.size() - most) : text;
}

std::string sysctl_file(std::string name) {
    const auto first = name.find_first_of("./");
    if (first != std::string::npos && name[first] == '.')
        for (auto& c : name)
            c = c == '.' ? '/' : c == '/' ? '.' : c;
    const fs::path path(name);
    const bool leads_out = path.empty() || path.is_absolute() ||
                           std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
    return leads_out ? "" : "proc/sys/" + name;
}

std::vector<std::string> workqueue_masks(const fs::path& root) {
    const std::string folder = "sys/devices/virtual/workqueue/";
    std::vector<std::string> candidates{folder + "cpumask"}, found;
    for (const auto& name : names_in(root / folder))
        candidates.push_back(folder + name + "/cpumask");
    // The bus's folder links to the one above, on kernels that show them there.
    if (const auto* writeback = "sys/bus/workqueue/devices/writeback/cpumask"; !there(root / folder / "writeback"))
        candidates.emplace_back(writeback);
    for (auto& file : candidates)
        if (there(root / file)) found.push_back(std::move(file));
    return found;
}

std::vector<std::string> corrected_error_switches(const fs::path& root) {
    const std::string folder = "sys/devices/system/machinecheck/";
    std::vector<std::string> found;
    for (const auto& name : names_in(root / folder))
        if (name.starts_with("machinecheck") && there(root / folder / name / "ignore_ce"))
            found.push_back(folder + name + "/ignore_ce");
    return found;
}

std::vector<Interrupt> interrupts(const fs::path& root) {
    std::vector<Interrupt> found;
    for (const auto number : numbers_in(root / "proc/irq")) {
        const auto folder = root / fmt::format("proc/irq/{}", number);
        const auto allowed = mask_in(folder / "smp_affinity");
        if (!allowed) continue;
        Interrupt interrupt{.number = number, .allowed = *allowed};
        const auto actions = root / fmt::format("sys/kernel/irq/{}/actions", number);
        interrupt.handlers = line_of(actions).value_or("");
        interrupt.requested = !interrupt.handlers.empty() || !there(actions);
        interrupt.effective = mask_in(folder / "effective_affinity").value_or(*allowed);
        interrupt.movable = movable(root, number);
        found.push_back(std::move(interrupt));
    }
    return found;
}

std::vector<Task> tasks(const fs::path& root) {
    std::vector<Task> found;
    for (const auto pid : numbers_in(root / "proc"))
        if (auto task = parse_task(pid, file_text(root / fmt::format("proc/{}/stat", pid))))
            found.push_back(std::move(*task));
    return found;
}

std::optional<CpuList> allowed_cpus(const fs::path& root, unsigned pid) {
    constexpr std::string_view label = "Cpus_allowed_list:";
    std::istringstream status(file_text(root / fmt::format("proc/{}/status", pid)));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(label)) return cpus_of(trimmed(std::string_view(line).substr(label.size())));
    return std::nullopt;
}

} // namespace rtnode::profile
