#pragma once
// Every argument of a profile with its reason, for people.

#include "profile/arguments/cpu_sets.hpp"
#include "profile/arguments/target_kernel.hpp"
#include "state/profile.hpp"
#include "state/topology.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rtnode::profile {

enum class ArgumentState {
    ok,
    note,     ///< works, and there is something to know
    left_out, ///< of the formula, but not on the command line: the text says why
    ignored,  ///< the kernel does nothing with it
    dangerous ///< it harms, or the profile is refused for it
};

/// "ok", "note", "left-out", "ignored", "dangerous".
std::string_view name_of(ArgumentState state);

struct ExplainedArgument {
    std::string token;
    std::string why;   ///< what it does, and by which setting of the profile it is there
    std::string since; ///< from which kernel on, "before 4.18", "5.6 (el8: build 193)"; "" = not known
    ArgumentState state = ArgumentState::ok;
    std::string text; ///< what is to be said about it, "; " between remarks

    bool operator==(const ExplainedArgument&) const = default;
};

/// A row for each argument of arguments_of(), in its order, with what remarks() and memory_remarks() say of it; then
/// those that the formula has and the profile doesn't get. @throws as arguments_of()
std::vector<ExplainedArgument> explain(const Profile& profile, const CpuSets& sets, const NodeTopology& node,
                                       const TargetKernel& kernel);

} // namespace rtnode::profile
