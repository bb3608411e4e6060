#include "state/verification.hpp"

#include "state/desired_packages.hpp"
#include "state/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace rtnode {
namespace {

constexpr std::array<std::pair<CheckState, std::string_view>, 4> names{{
    {CheckState::ok, "ok"},
    {CheckState::failed, "failed"},
    {CheckState::unknown, "unknown"},
    {CheckState::not_applicable, "not-applicable"},
}};

constexpr const char* not_booted = "nothing is booted from OSTree here (a node in a folder)";

Check compared(std::string name, std::string expected, std::string actual, std::string remedy) {
    const bool ok = expected == actual;
    return {std::move(name), ok ? CheckState::ok : CheckState::failed, std::move(expected), std::move(actual),
            ok ? std::string() : std::move(remedy)};
}

bool is_intended(const Deployment& deployment, const IntendedBoot& intended) {
    return deployment.checksum == intended.checksum &&
           deployment.kernel_arguments.without_ostree().tokens() == intended.kernel_arguments;
}

Check check_deployment(const std::optional<IntendedBoot>& intended, const std::vector<Deployment>& deployments,
                       const Deployment& booted) {
    const std::string name = "booted-deployment";
    if (!intended)
        return {name, CheckState::not_applicable, {}, booted.checksum, "no job of rtnode has made a deployment yet"};
    if (is_intended(booted, *intended)) return {name, CheckState::ok, intended->checksum, booted.checksum, {}};
    const auto why = why_not_booted(intended, deployments);
    return {name, CheckState::failed, intended->checksum, booted.checksum,
            why.empty() ? fmt::format("what job {} made is booted next: reboot", intended->job) : why};
}

bool is_real_time(const Nevra& package) {
    return package.name == "kernel-rt-core" || package.name == "kernel-rt";
}

Check check_real_time(const Deployment& booted, bool real_time) {
    const std::string name = "real-time-kernel";
    const auto& layered = booted.layered_packages;
    if (real_time) return {name, CheckState::ok, "true", "true", {}};
    if (std::any_of(layered.begin(), layered.end(), is_real_time))
        return {name, CheckState::failed, "true", "false",
                "the deployment has kernel-rt, but the running kernel says in /sys/kernel/realtime that it isn't "
                "real-time: look which kernel was booted"};
    return {name, CheckState::not_applicable, {}, "false", "no kernel-rt was put into the booted deployment"};
}

} // namespace

std::string_view name_of(CheckState state) {
    for (const auto& [value, name] : names)
        if (value == state) return name;
    return "unknown";
}

void to_json(nlohmann::json& json, const Check& check) {
    json = {{"check", check.name},
            {"state", name_of(check.state)},
            {"expected", check.expected},
            {"actual", check.actual},
            {"remedy", check.remedy}};
}

void from_json(const nlohmann::json& json, Check& check) {
    json.at("check").get_to(check.name);
    json.at("expected").get_to(check.expected);
    json.at("actual").get_to(check.actual);
    json.at("remedy").get_to(check.remedy);
    const auto state = json.at("state").get<std::string>();
    const auto* found =
        std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.second == state; });
    if (found == names.end()) throw fail(Reason::Internal, "'{}' is no state of a check", state);
    check.state = found->first;
}

std::optional<IntendedBoot> intended_by(std::uint32_t job, const std::string& result) {
    const auto json = nlohmann::json::parse(result, nullptr, false);
    if (!json.is_object() || json.value("dry-run", false) || json.value("nothing-to-do", false) ||
        !json.contains("checksum") || !json.contains("kernel-arguments"))
        return std::nullopt;
    return IntendedBoot{job, json.at("checksum").get<std::string>(),
                        json.at("kernel-arguments").get<std::vector<std::string>>(), json.value(fate_key, ""),
                        json.value("from", "")};
}

std::string why_not_booted(const std::optional<IntendedBoot>& intended, const std::vector<Deployment>& deployments) {
    const auto there = [&](const Deployment& d) { return (d.booted || d.pending) && is_intended(d, *intended); };
    const auto booted = [](const Deployment& d) { return d.booted; };
    if (!intended || std::none_of(deployments.begin(), deployments.end(), booted) ||
        std::any_of(deployments.begin(), deployments.end(), there))
        return {};
    return fmt::format("what job {} made is neither booted nor booted next: {}", intended->job,
                       intended->fate.empty() ? "somebody dropped or replaced it; ask again" : intended->fate);
}

std::vector<Check> check_boot(const std::optional<IntendedBoot>& intended, const std::vector<Deployment>& deployments,
                              const RunningSystem& running) {
    const auto booted =
        std::find_if(deployments.begin(), deployments.end(), [](const Deployment& d) { return d.booted; });
    if (booted == deployments.end()) {
        std::vector<Check> checks;
        for (const char* name : {"booted-deployment", "kernel", "real-time-kernel", "kernel-arguments"})
            checks.push_back({name, CheckState::not_applicable, {}, {}, not_booted});
        return checks;
    }
    std::vector<Check> checks{
        check_deployment(intended, deployments, *booted),
        compared("kernel", booted->kernel, running.kernel_release,
                 "the running kernel is not the booted deployment's: look at the boot loader's entries, then reboot"),
        check_real_time(*booted, running.real_time),
    };
    auto left = running.command_line; // an argument that is wanted twice must be there twice
    const auto wanted = intended ? intended->kernel_arguments : booted->kernel_arguments.without_ostree().tokens();
    for (const auto& argument : wanted) {
        const auto found = std::find(left.begin(), left.end(), argument);
        checks.push_back(compared("kernel-argument " + argument, argument, found == left.end() ? "" : argument,
                                  "the running kernel was not booted with it; reboot, or ask for it again with "
                                  "SetKernelArguments"));
        if (found != left.end()) left.erase(found);
    }
    return checks;
}

std::vector<Check> check_packages(const Origin& origin, const std::vector<Nevra>& installed) {
    const auto desired = DesiredPackages::of(origin);
    if (desired.empty()) return {{"packages", CheckState::not_applicable, {}, {}, "no package of the base is changed"}};
    constexpr const char* remedy = "the deployment's RPM database isn't what its origin asks for; ask for the override "
                                   "again";
    const auto versions = [&](const std::string& name) {
        std::string text;
        for (const auto& package : installed)
            if (package.name == name) text += (text.empty() ? "" : " ") + package.str();
        return text;
    };
    std::vector<Check> checks;
    for (const auto& name : desired.remove)
        checks.push_back(compared("package " + name, "", versions(name), remedy));
    for (const auto* pins : {&desired.replace, &desired.install})
        for (const auto& [name, pin] : *pins)
            checks.push_back(compared("package " + name, pin.nevra.str(), versions(name), remedy));
    return checks;
}

} // namespace rtnode
