#include "profile/arguments/explain.hpp"

#include "profile/arguments/arguments.hpp"
#include "profile/arguments/huge_pages.hpp"
#include "profile/arguments/lint.hpp"

#include <algorithm>

namespace rtnode::profile {
namespace {

ArgumentState state_of(const Remark& remark) {
    switch (remark.kind) {
    case Remark::Kind::note:
        return ArgumentState::note;
    case Remark::Kind::ignored:
        return ArgumentState::ignored;
    case Remark::Kind::dangerous:
        return ArgumentState::dangerous;
    }
    return ArgumentState::note;
}

} // namespace

std::string_view name_of(ArgumentState state) {
    switch (state) {
    case ArgumentState::ok:
        return "ok";
    case ArgumentState::note:
        return "note";
    case ArgumentState::left_out:
        return "left-out";
    case ArgumentState::ignored:
        return "ignored";
    case ArgumentState::dangerous:
        return "dangerous";
    }
    return "unknown";
}

std::vector<ExplainedArgument> explain(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                       const TargetKernel& kernel) {
    const auto arguments = arguments_of(profile, sets, node, kernel);
    const auto tokens = tokens_of(arguments);
    auto all = remarks(tokens, kernel, node);
    const auto of_memory = memory_remarks(tokens, profile.huge_pages, node);
    all.insert(all.end(), of_memory.begin(), of_memory.end());

    std::vector<ExplainedArgument> rows;
    for (const auto& argument : arguments) {
        ExplainedArgument row{argument.token, argument.why, argument.since, ArgumentState::ok, ""};
        for (const auto& remark : all) {
            if (remark.token != argument.token) continue;
            row.state = std::max(row.state, state_of(remark)); // the worst one
            row.text += (row.text.empty() ? "" : "; ") + remark.text;
        }
        rows.push_back(std::move(row));
    }
    for (const auto& argument : left_out_of(profile, sets, node, kernel))
        rows.push_back({argument.token, argument.why, argument.since, ArgumentState::left_out, argument.reason});
    return rows;
}

} // namespace rtnode::profile
