#include "worker/profile_change.hpp"

#include "host/owners.hpp"
#include "host/topology.hpp"
#include "profile/arguments/arguments.hpp"
#include "profile/arguments/huge_pages.hpp"
#include "profile/arguments/lint.hpp"
#include "profile/arguments/table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace rtnode::worker {
namespace {

/// Arguments that may stand there several times, each with a meaning of its own.
constexpr std::array repeatable{"console", "hugepages", "hugepagesz", "rd.luks.name", "earlycon", "ip"};

profile::CpuSets sets_on(const Profile& profile, const NodeTopology& node) {
    try {
        return profile::choose(profile, node);
    } catch (const Error& error) {
        throw Error(Reason::ProfileRefused, error.what());
    }
}

} // namespace

ProfileChange::ProfileChange(const WorkOrder& order, Reporter& reporter)
    : order_(order), profile_(order.request.profile.value()), reporter_(reporter), topology_(host::read_topology()),
      sets_(sets_on(profile_, topology_)), ledger_(load_record<profile::Ledger>(order, reporter)),
      record_(load_record<profile::AcceptanceRecord>(order, reporter)) {
    if (order.private_node)
        facts_.emplace_back("this node is a folder: its CPU sets are computed for the processors of this host");
}

void ProfileChange::fill(Plan& plan, const std::string& kernel_release) {
    if (ledger_.saw(plan.kernel_arguments_before) && !order_.request.dry_run) ledger_.save(order_.state_dir);
    wanted_ = profile::tokens_for(profile_, sets_, topology_, kernel_release);
    auto change =
        profile::apply_profile(plan.kernel_arguments_before, ledger_.owned_in(plan.kernel_arguments_before), wanted_);
    plan.kernel_arguments_after = std::move(change.after);
    owned_ = std::move(change.owned);
    look_at(plan, kernel_release);
    look_at_owners(plan);
}

void ProfileChange::look_at(const Plan& plan, const std::string& kernel_release) {
    if (!sets_.isolated.empty())
        facts_.push_back(fmt::format("reserved CPUs {}, isolated CPUs {}", format_cpu_list(sets_.reserved),
                                     format_cpu_list(sets_.isolated)));
    for (auto& warning : profile::warnings_of(sets_, topology_))
        warnings_.push_back(std::move(warning));
    auto remarks = profile::remarks(wanted_, profile::TargetKernel::parse(kernel_release), topology_);
    for (auto& remark : profile::memory_remarks(wanted_, profile_.huge_pages, topology_))
        remarks.push_back(std::move(remark));
    auto line = plan.kernel_arguments_after.tokens();
    // As long as the boot loader's will be.
    line.emplace_back(fmt::format("BOOT_IMAGE=(hd0,gpt3)/ostree/{}-{}/vmlinuz-{}", plan.stateroot, plan.from_checksum,
                                  kernel_release));
    line.emplace_back(fmt::format("ostree=/ostree/boot.1/{}/{}/0", plan.stateroot, plan.from_checksum));
    if (auto remark = profile::length_remark(line)) remarks.push_back(std::move(*remark));
    for (const auto& remark : remarks) {
        auto text = remark.token.empty() ? remark.text : fmt::format("'{}': {}", remark.token, remark.text);
        auto& list = remark.severity == profile::Severity::blocker   ? blockers_
                     : remark.severity == profile::Severity::warning ? warnings_
                                                                     : facts_;
        list.push_back(std::move(text));
    }
}

/// Others' arguments stay, so there is a fight only about what can be there once, and about the kernel.
void ProfileChange::look_at_owners(const Plan& plan) {
    auto& contested = order_.request.over_owners ? warnings_ : blockers_;
    if (order_.private_node) return; // the host's are not the folder's
    for (const auto& owner : host::kernel_owners()) {
        facts_.push_back(fmt::format("{} ({}) {}{}", owner.name, owner.evidence,
                                     owner.arguments.empty() ? "sets no kernel arguments"
                                                             : fmt::format("sets {}", fmt::join(owner.arguments, " ")),
                                     owner.note.empty() ? "" : "; " + owner.note));
        if (plan.changes_kernel && !owner.kernel_type.empty() && owner.kernel_type != "default")
            contested.push_back(
                fmt::format("the kernel is {}'s: {} says kernelType {}; take 'kernel' out of the profile, "
                            "or say over-owners",
                            owner.name, owner.evidence, owner.kernel_type));
        for (const auto& theirs : owner.arguments) {
            const auto name = profile::name_of_argument(theirs);
            if (std::find(repeatable.begin(), repeatable.end(), name) != repeatable.end()) continue;
            for (const auto& ours : wanted_)
                if (ours != theirs && profile::name_of_argument(ours) == name)
                    contested.push_back(
                        fmt::format("{} ({}) sets '{}', and the profile wants '{}'; change it there, take "
                                    "it out of the profile, or say over-owners",
                                    owner.name, owner.evidence, theirs, ours));
        }
    }
}

void ProfileChange::check(const Plan& plan, nlohmann::json& result) {
    if (!plan.nothing_to_do()) {
        const auto failed = order_.request.again ? std::nullopt : record_.failed_before(plan.hash());
        if (failed)
            blockers_.push_back(fmt::format("this plan was {} before ({}); say 'again' to make it once more",
                                            name_of(failed->outcome), fmt::join(failed->reasons, "; ")));
        if (!order_.request.dry_run && !blockers_.empty())
            throw fail(failed && blockers_.size() == 1 ? Reason::PlanFailedBefore : Reason::ProfileRefused,
                       "the profile '{}' can't be applied: {}", profile_.name, fmt::join(blockers_, "; "));
    }
    for (const auto& warning : warnings_)
        reporter_.warn(warning);
    result["profile"] = profile_.name;
    result["blockers"] = blockers_;
    result["facts"] = facts_;
    if (!sets_.isolated.empty()) {
        result["reserved-cpus"] = format_cpu_list(sets_.reserved);
        result["isolated-cpus"] = format_cpu_list(sets_.isolated);
    }
}

void ProfileChange::intend(const Plan& plan, const std::string& commit) {
    if (order_.request.again && record_.may_try_again(plan.hash())) record_.save(order_.state_dir);
    ledger_.intend(profile_.name, plan.hash(), commit, plan.kernel_arguments_after, owned_);
    ledger_.save(order_.state_dir);
}

} // namespace rtnode::worker
