#include "profile/gate/convergence.hpp"

#include "state/desired_packages.hpp"
#include "state/error.hpp"
#include "state/kernel_version.hpp"
#include "state/nevra.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace rtnode::profile {
namespace {

using Reasons = std::vector<std::string>;
using Pins = std::map<std::string, PinnedPackage>;

bool is_nevra(const std::string& text) {
    try {
        return !Nevra::parse(text).name.empty();
    } catch (const Error&) {
        return false;
    }
}

/// What a profile says of a package, without what may be secret in a URL.
struct Wanted {
    std::string text;   ///< as names_package() takes it, of a file by its own name
    bool known = false; ///< a name, or a file that is called like its package
};

Wanted wanted(const std::string& element) {
    const bool file = element.starts_with('/') || element.find("://") != std::string::npos;
    if (!file) return {element, true};
    auto text = element.substr(0, element.find_first_of("?#"));
    text.erase(0, text.rfind('/') + 1);
    constexpr std::string_view extension = ".rpm";
    if (!text.ends_with(extension)) return {text, false};
    text.resize(text.size() - extension.size());
    return {text, is_nevra(text) && text.find('%') == std::string::npos};
}

bool any_named(std::string_view text, const Pins& pins) {
    return std::any_of(pins.begin(), pins.end(),
                       [&](const auto& pin) { return names_package(text, pin.second.nevra); });
}

/// "; it has microcode_ctl-4:1-1.x86_64" when another version of the package is there.
std::string other_version(std::string_view text, const Pins& pins) {
    for (const auto& [name, pin] : pins)
        if (text.starts_with(name + "-") && text.substr(name.size() + 1).find_first_of("0123456789") == 0)
            return "; it has " + pin.nevra.str();
    return {};
}

void look_at_kernel(const Profile& profile, const KernelVersion& version, const Deployment& deployment,
                    const DesiredPackages& desired, Reasons& reasons) {
    if (profile.kernel == "rt" && !deployment.real_time) {
        reasons.push_back(fmt::format("the real-time kernel is missing, the kernel is {}", deployment.kernel));
    } else if (profile.kernel == "stock" && deployment.real_time) {
        reasons.push_back(fmt::format("the stock kernel is missing, the real-time kernel is {}", deployment.kernel));
    } else if (profile.kernel == "rt") {
        const auto kernel = desired.install.find("kernel-rt-core");
        if (!version.version.empty() && kernel != desired.install.end() && !version.names(kernel->second.nevra.evr()))
            reasons.push_back(fmt::format("the real-time kernel is {}, and {} is wanted", kernel->second.nevra.evr(),
                                          version.version));
    }
}

void look_at_packages(const Profile& profile, const Deployment& deployment, const DesiredPackages& desired,
                      Reasons& reasons) {
    for (const auto& element : profile.replace)
        if (const auto [text, known] = wanted(element); known && !any_named(text, desired.replace))
            reasons.push_back(fmt::format("the override {} is missing{}", text, other_version(text, desired.replace)));
    for (const auto& text : profile.remove) {
        const auto& gone = deployment.removed;
        if (!desired.remove.contains(text) &&
            std::none_of(gone.begin(), gone.end(), [&](const Nevra& nevra) { return names_package(text, nevra); }))
            reasons.push_back(fmt::format("the package {} is not removed", text));
    }
    const auto& by_others = deployment.origin.requested; // layered by rpm-ostree
    for (const auto& element : profile.install)
        if (const auto [text, known] = wanted(element);
            known && !any_named(text, desired.install) &&
            std::find(by_others.begin(), by_others.end(), text) == by_others.end())
            reasons.push_back(
                fmt::format("the package {} is not installed{}", text, other_version(text, desired.install)));
}

void look_at_arguments(const std::vector<std::string>& wanted_arguments, const Ledger& ledger,
                       const Deployment& deployment, Reasons& reasons) {
    const auto have = deployment.kernel_arguments.without_ostree();
    const bool stands = have.changed(wanted_arguments, {}) == have;
    const auto missing = only_in_first(wanted_arguments, have.tokens());
    if (!missing.empty())
        reasons.push_back(fmt::format("kernel arguments are missing: {}", fmt::join(missing, " ")));
    else if (!stands)
        reasons.push_back(fmt::format("the kernel arguments don't stand together and in the profile's order: {}",
                                      fmt::join(wanted_arguments, " ")));
    const auto left_over = only_in_first(ledger.owned_in(have), wanted_arguments);
    if (!left_over.empty())
        reasons.push_back(
            fmt::format("kernel arguments are left over, which a profile had set and this one doesn't: {}",
                        fmt::join(left_over, " ")));
}

std::string told(const AcceptanceEntry& failed) {
    return fmt::format("plan {} of profile {} was not accepted{}{}{}; it is left alone until somebody asks for it",
                       failed.plan, failed.profile,
                       failed.outcome == Outcome::rolled_back ? ", and the node went back to what it had before" : "",
                       failed.reasons.empty() ? "" : ": ", fmt::join(failed.reasons, "; "));
}

Reasons rows_in(CheckState state, const std::vector<Check>& checks) {
    Reasons rows;
    for (const auto& check : checks)
        if (check.state == state) rows.push_back(in_words(check));
    return rows;
}

void add(Reasons& reasons, const Reasons& more) {
    reasons.insert(reasons.end(), more.begin(), more.end());
}

} // namespace

std::vector<std::string> divergences(const Profile& profile, const std::vector<std::string>& wanted_arguments,
                                     const Ledger& ledger, const Deployment& deployment) {
    Reasons reasons;
    const auto version = KernelVersion::parse(profile.kernel_version);
    try {
        const auto desired = DesiredPackages::of(deployment.origin);
        if (!ledger.has_packages(profile, deployment.checksum)) {
            look_at_kernel(profile, version, deployment, desired, reasons);
            look_at_packages(profile, deployment, desired, reasons);
        }
    } catch (const Error& error) { // an origin that can't be read
        reasons.emplace_back(error.what());
    }
    look_at_arguments(wanted_arguments, ledger, deployment, reasons);
    return reasons;
}

std::string_view name_of(Condition condition) {
    switch (condition) {
    case Condition::unconfigured:
        return "unconfigured";
    case Condition::converged:
        return "converged";
    case Condition::diverged:
        return "diverged";
    case Condition::reboot_required:
        return "reboot-required";
    case Condition::failed:
        return "failed";
    }
    return "unknown";
}

Standing standing(const StandingFacts& facts) {
    if (!facts.configured) return {};
    Standing found{.condition = Condition::converged, .reasons = {}};
    const bool booted = facts.booted.empty(), next = facts.booted_is_next || facts.next.empty();
    const auto broken = rows_in(CheckState::failed, facts.effects);

    if (!booted && !facts.booted_is_next && next) {
        // Effects are left out: what runs isn't what is wanted anyway.
        found.condition = Condition::reboot_required;
        found.reasons.push_back(fmt::format("deployment {}, which is booted next, is what the profile wants: reboot",
                                            facts.next_deployment));
        add(found.reasons, facts.booted);
    } else if (!booted || !next || !broken.empty()) {
        found.condition = Condition::diverged;
        if (!next)
            for (const auto& reason : facts.next)
                found.reasons.push_back(
                    fmt::format("deployment {}, which is booted next: {}", facts.next_deployment, reason));
        add(found.reasons, facts.booted);
        add(found.reasons, broken);
    } else {
        found.reasons = rows_in(CheckState::unknown, facts.effects);
    }
    if (facts.failed) {
        found.condition = Condition::failed;
        found.reasons.insert(found.reasons.begin(), told(*facts.failed));
    }
    return found;
}

std::string in_words(const Check& check) {
    auto text = check.name;
    const auto shown = [](const std::string& value) { return value.empty() ? "nothing" : "'" + value + "'"; };
    if (!check.expected.empty() || !check.actual.empty())
        text += fmt::format(": expected {}, found {}", shown(check.expected), shown(check.actual));
    if (!check.remedy.empty()) text += (text == check.name ? ": " : "; ") + check.remedy;
    return text;
}

} // namespace rtnode::profile
