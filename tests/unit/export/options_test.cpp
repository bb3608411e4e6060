#include "node.hpp"

namespace rtnode::exports {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal_of(const std::string& format, const Options& options = {}) {
    return refusal(Reason::InvalidArgument, [&] { check(format, options); });
}

} // namespace

TEST(ExportOptions, RefuseAFormatThatThereIsNotAndNameThose) {
    EXPECT_EQ(refusal_of("yaml"), "the format is 'yaml'; it can be machineconfig, kubeletconfig, tuned, all");
    for (const auto* format : {"machineconfig", "kubeletconfig", "tuned", "all"})
        EXPECT_EQ(refusal_of(format), "went well");
}

TEST(ExportOptions, KnowTheVersionsOfIgnitionAndThePoliciesOfKubelet) {
    EXPECT_THAT(refusal_of("all", {.ignition = "3.5.0"}), HasSubstr("it can be 2.2.0, 3.1.0, 3.2.0"));
    EXPECT_THAT(refusal_of("all", {.topology_manager = "best"}), HasSubstr("none, best-effort, restricted"));
    for (const auto* version : {"2.2.0", "3.1.0", "3.2.0"})
        EXPECT_EQ(refusal_of("all", {.ignition = version}), "went well");
}

TEST(ExportOptions, TakeOnlyNamesThatKubernetesTakes) {
    for (const auto* name : {"", "Worker", "a_b", "-a", "a-", "a/b", "a b", "a\nb", "ä"})
        EXPECT_THAT(refusal_of("all", {.role = name}), HasSubstr("option 'role'")) << name;
    EXPECT_THAT(refusal_of("all", {.role = std::string(64, 'a')}), HasSubstr("63 at most"));
    EXPECT_THAT(refusal_of("all", {.name = "99_x"}), HasSubstr("option 'name'"));
    for (const auto* name : {"worker-rt", "1e3", "on", "a.b"})
        EXPECT_EQ(refusal_of("all", {.role = name, .name = name}), "went well");
}

TEST(ExportOptions, TakeLabelsWithAndWithoutPrefixAndValue) {
    for (const auto* label :
         {"a", "worker-rt=", "pools.operator.machineconfiguration.openshift.io/worker-rt=", "Custom_Kubelet=Yes.1"})
        EXPECT_EQ(refusal_of("all", {.pool_label = label}), "went well") << label;
    for (const auto* label : {"=b", "a=b c", "/a", "a/", "A.b/c", "a=-", "a=b=c"})
        EXPECT_THAT(refusal_of("all", {.pool_label = label}), HasSubstr("KEY or KEY=VALUE")) << label;
}

TEST(ExportOptions, RefuseAPriorityThatTheOperatorsOwnProfilesBeat) {
    EXPECT_EQ(refusal_of("all", {.tuned_priority = 29}), "went well");
    EXPECT_THAT(refusal_of("all", {.tuned_priority = 30}), AllOf(HasSubstr("is 30"), HasSubstr("at most 29")));
}

} // namespace rtnode::exports
