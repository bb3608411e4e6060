#include "export/document.hpp"

#include "export/kernel_arguments.hpp"
#include "export/parts.hpp"
#include "export/yaml.hpp"
#include "profile/gate/convergence.hpp"
#include "state/error.hpp"
#include "state/numbers.hpp"

#include <algorithm>
#include <ctime>

namespace rtnode::exports {
namespace {

constexpr std::size_t most_told = 3; // rows in an error message

std::vector<Check> rows_in(const NodeState& state, CheckState wanted) {
    std::vector<Check> rows;
    std::ranges::copy_if(state.checks, std::back_inserter(rows),
                         [&](const Check& check) { return check.state == wanted; });
    return rows;
}

/// A check that the exported KubeletConfig makes good.
bool is_of_kubelet(const Check& check) {
    return check.name.starts_with("kubelet-");
}

/// In words, but for what may be secret.
std::string told(Check check) {
    constexpr std::string_view prefix = "kernel-argument ";
    if (check.name.starts_with(prefix) && is_secret(std::string_view(check.name).substr(prefix.size()))) {
        check.name.erase(std::min(check.name.find('=', prefix.size()), check.name.size()));
        check.expected.clear();
        check.actual.clear();
    }
    return profile::in_words(check);
}

void refuse_unverified(const NodeState& state, const Options& options) {
    auto failed = rows_in(state, CheckState::failed);
    std::erase_if(failed, is_of_kubelet);
    if (failed.empty() || options.allow_unverified) return;
    std::string rows;
    for (const auto& check : failed) {
        if (&check == &failed[0] + most_told) break;
        rows += (rows.empty() ? "" : "; ") + told(check);
    }
    if (failed.size() > most_told) rows += fmt::format("; and {} more", failed.size() - most_told);
    throw fail(Reason::NotVerified,
               "the node isn't what was asked for, so it is no model for others: {} failed: {}. Make that good (Verify "
               "says how), or export with allow-unverified, which names it in the document",
               counted(failed.size(), "check"), rows);
}

std::string date_of(std::uint64_t seconds) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    char text[sizeof "2026-01-01T00:00:00Z"];
    return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

std::string counts_of(const std::vector<Check>& checks) {
    std::string text;
    for (const auto state : {CheckState::ok, CheckState::failed, CheckState::unknown, CheckState::not_applicable})
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", std::ranges::count(checks, state, &Check::state),
                            name_of(state));
    return text;
}

std::string heading(const NodeState& state) {
    const auto& deployment = state.deployment;
    auto text =
        comment(fmt::format("A node's state, exported by rtnoded {} at {}.", state.version, date_of(state.time_s)));
    text += comment(fmt::format("Deployment: {}{}{}", deployment.checksum,
                                deployment.version.empty() ? "" : ", version " + deployment.version,
                                deployment.booted ? "" : ", not booted (a node in a folder)"));
    if (!state.booted_next.empty())
        text += comment(fmt::format("Booted next is {}, of which nothing is here.", state.booted_next));
    text +=
        comment(fmt::format("Kernel: {}, {}", state.kernel_release, state.real_time ? "real-time" : "not real-time"));
    text += comment(state.profile ? fmt::format("Profile: {}; the node is {}", state.profile->name, state.condition)
                                  : "Profile: none is configured");
    if (!state.plan.empty()) text += comment(fmt::format("Plan: {} of profile {}", state.plan, state.planned_by));
    return text + comment("Verified: " + counts_of(state.checks));
}

std::string unverified(const NodeState& state) {
    std::string text;
    for (const auto wanted : {CheckState::failed, CheckState::unknown})
        for (const auto& check : rows_in(state, wanted))
            text += comment(fmt::format("Not verified, {}: {}", name_of(wanted), told(check)));
    return text;
}

} // namespace

std::string name_of_objects(const Options& options) {
    return options.name.empty() ? "50-rtnode-" + options.role : options.name;
}

const Check* check_named(const NodeState& state, std::string_view name) {
    const auto found = std::ranges::find(state.checks, name, &Check::name);
    return found == state.checks.end() ? nullptr : &*found;
}

std::string document(const std::string& format, const NodeState& state, const Options& options) {
    check(format, options);
    refuse_unverified(state, options);
    std::vector<Part> parts;
    if (format == "machineconfig" || format == "all") parts.push_back(machine_config(state, options));
    if (format == "kubeletconfig" || format == "all") parts.push_back(kubelet_config(state, options));
    if (format == "tuned" || format == "all") parts.push_back(tuned(state, options));

    auto text = heading(state) + unverified(state);
    std::string objects, notes;
    for (const auto& part : parts) {
        for (const auto& note : part.notes)
            notes += fmt::format("{}{}: {}", notes.empty() ? "" : "; ", part.kind, note);
        for (const auto& note : part.notes)
            text += comment(fmt::format("{}: {}", part.kind, note));
        if (!part.yaml.empty()) objects += "---\n" + part.yaml;
    }
    if (objects.empty())
        throw fail(Reason::NothingToExport,
                   "this node has nothing for '{}': no kernel arguments, isolated CPUs or settings of its own; {}",
                   format, notes.empty() ? "apply a profile first" : notes);
    return text + objects;
}

} // namespace rtnode::exports
