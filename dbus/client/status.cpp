#include "client/status.hpp"

#include "client/kernel_arguments_change.hpp"
#include "state/error.hpp"
#include "state/nevra.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace rtnode::client {

namespace {

std::optional<Nevra> parsed(const std::string& nevra) {
    try {
        return Nevra::parse(nevra);
    } catch (const Error&) {
        return std::nullopt; // shown as it came
    }
}

/// Names in order of appearance, under what they share, also in order of appearance.
class Groups {
  public:
    void add(const std::string& shared, const std::string& name) {
        auto group = std::find_if(groups_.begin(), groups_.end(), [&](const auto& g) { return g.first == shared; });
        if (group == groups_.end()) group = groups_.insert(groups_.end(), {shared, {}});
        group->second.push_back(name);
    }

    std::string str() const {
        std::vector<std::string> parts;
        for (const auto& [shared, names] : groups_)
            parts.push_back(shared.empty() ? join(names) : join(names) + " " + shared);
        return join(parts, ", ");
    }

  private:
    std::vector<std::pair<std::string, std::vector<std::string>>> groups_;
};

struct Line {
    std::string key, value;
};

std::string dated(const std::string& version, std::optional<std::uint64_t> timestamp) {
    if (!timestamp) return version;
    return version.empty() ? utc(*timestamp) : version + " (" + utc(*timestamp) + ")";
}

/// "1 upgraded, 4 removed, 3 added"; what is zero is left out.
std::string diff_counts(const Json& diff) {
    std::vector<std::string> parts;
    for (const char* kind : {"upgraded", "downgraded", "removed", "added"})
        if (const auto n = count(diff, kind); n && *n > 0) parts.push_back(std::to_string(*n) + " " + kind);
    return join(parts, ", ");
}

std::string highlighted(const std::string& text, bool color) {
    return color ? "\033[1m" + text + "\033[0m" : text;
}

std::string kernel_arguments_line(const std::vector<std::string>& before, const std::vector<std::string>& after,
                                  bool color) {
    if (before.empty()) return printable(join(after)); // nothing to compare with
    std::vector<std::string> tokens = kernel_arguments_change(before, after).marked;
    for (auto& token : tokens) {
        const bool is_new = token.front() == '+';
        token = highlighted(printable(token), color && is_new);
    }
    return join(tokens);
}

std::vector<Line> lines_of(const Json& deployment, const Json& manager, const std::vector<std::string>& booted_kargs,
                           bool color) {
    std::vector<Line> lines;
    const auto add = [&](const char* key, const std::string& value) {
        if (!value.empty()) lines.push_back({key, value});
    };
    const std::string version = text(deployment, "version"), base_version = text(deployment, "base-version");
    const auto timestamp = count(deployment, "timestamp"), base_timestamp = count(deployment, "base-timestamp");
    const std::string checksum = text(deployment, "checksum"), base_checksum = text(deployment, "base-checksum");
    const bool own_version = !base_version.empty() && base_version != version;

    add("CustomOrigin", text(deployment, "custom-description"));
    // A commit with changed packages keeps its base's version, and is shown with the base's date, as rpm-ostree does.
    add("Version", dated(version, own_version || !base_timestamp ? timestamp : base_timestamp));
    if (own_version) add("BaseVersion", dated(base_version, base_timestamp));
    if (text(deployment, "custom-url").empty()) {
        if (!base_checksum.empty() && base_checksum != checksum) add("BaseCommit", base_checksum);
        add("Commit", checksum);
    }
    add("Diff", diff_counts(member(deployment, "diff")));
    add("RemovedBasePackages", group_by_evr(words(deployment, "removed")));
    add("ReplacedBasePackages", group_replaced(member(deployment, "replaced")));
    add("LocalPackages", join(words(deployment, "local-packages")));
    if (flag(deployment, "pinned")) add("Pinned", "yes");
    if (flag(deployment, "unlocked")) add("Unlocked", "yes");

    std::string kernel = text(deployment, "kernel");
    if (!kernel.empty() && flag(deployment, "booted") && kernel == text(manager, "KernelRelease"))
        kernel += flag(manager, "RealTimeKernel") ? " (running, real-time)" : " (running)";
    else if (flag(deployment, "real-time"))
        kernel += " (real-time)";
    add("Kernel", kernel);
    if (flag(deployment, "pending")) {
        add("KernelArguments", kernel_arguments_line(booted_kargs, words(deployment, "kernel-arguments"), color));
        if (flag(manager, "RebootRequired")) add("RebootRequired", "yes, run \"systemctl reboot\" to start a reboot");
    }
    return lines;
}

} // namespace

std::string group_by_evr(const std::vector<std::string>& nevras) {
    Groups groups;
    for (const auto& text : nevras) {
        const auto nevra = parsed(text);
        groups.add(nevra ? nevra->evr() : "", nevra ? nevra->name : text);
    }
    return groups.str();
}

std::string group_replaced(const Json& rows) {
    Groups groups;
    if (!rows.is_array()) return {};
    for (const Json& row : rows) {
        const std::string before = text(row, "before"), after = text(row, "after");
        const auto from = parsed(before), to = parsed(after);
        if (from && to && from->name == to->name)
            groups.add(from->evr() + " -> " + to->evr(), to->name);
        else
            groups.add(before + " -> " + after, "");
    }
    return groups.str();
}

std::string format_status(const Json& manager, bool color) {
    std::string out = "State: " + text(manager, "Activity") + "\n";
    if (const auto lost = text(manager, "NotBooted"); !lost.empty())
        out += highlighted("Warning: " + printable(lost), color) + "\n";
    if (flag(manager, "WillLoseRealTime"))
        out +=
            "Warning: the next boot has no real-time kernel, and no job asked for that; \"rtnodectl update --no-pull\" "
            "puts it back\n";
    if (const auto profile = text(manager, "Profile"); !profile.empty())
        out += "Profile: " + printable(profile) + " (" + text(manager, "Condition") + ")\n";
    for (const auto& reason : words(manager, "Reasons"))
        out += "  " + printable(reason) + "\n";
    if (const auto hold = text(manager, "RebootHold"); !hold.empty()) out += "Reboot: " + printable(hold) + "\n";
    out += "Deployments:\n";
    const Json& deployments = member(manager, "Deployments");
    if (!deployments.is_array() || deployments.empty()) return out + "  none\n";

    // What the pending deployment's arguments are compared with: on a node in a folder nothing is booted.
    const std::vector<std::string> booted_kargs = words(manager, "KernelArguments");
    std::vector<std::vector<Line>> all;
    std::size_t widest = 0;
    for (const Json& deployment : deployments) {
        all.push_back(lines_of(deployment, manager, booted_kargs, color));
        for (const Line& line : all.back())
            widest = std::max(widest, line.key.size());
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Json& deployment = deployments[i];
        const bool booted = flag(deployment, "booted");
        std::string name = text(deployment, "custom-url");
        if (name.empty()) name = text(deployment, "origin");
        if (name.empty()) name = text(deployment, "stateroot");
        if (i > 0) out += "\n";
        out += (booted ? "* " : "  ") + highlighted(printable(name), color && booted) + "\n";
        for (const Line& line : all[i])
            out += std::string(2 + widest - line.key.size(), ' ') + line.key + ": " +
                   (line.key == "KernelArguments" ? line.value : printable(line.value)) + "\n";
    }
    return out;
}

} // namespace rtnode::client
