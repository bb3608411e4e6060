#include "export/kernel_arguments.hpp"
#include "node.hpp"

namespace rtnode::exports {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NodeState booted_with(const std::string& command_line) {
    NodeState state;
    state.deployment.kernel_arguments = KernelArguments::parse(command_line);
    return state;
}

} // namespace

TEST(ExportedArguments, AreTheBootedOnesInTheirOrderWithoutTheMachinesOwn) {
    const auto [tokens, notes] = exported_arguments(node());
    EXPECT_THAT(tokens,
                ElementsAre("nohz_full=2-7", "isolcpus=managed_irq,2-7", "skew_tick=1", "nohz=on", "mitigations=off"));
    EXPECT_THAT(notes, ElementsAre("left out, this machine's or its image's own: random.trust_cpu console "
                                   "rootflags rw ignition.platform.id"))
        << "by names only";
}

TEST(ExportedArguments, KeepEqualOnesAsOftenAsTheyAreThere) {
    const auto state = booted_with("hugepagesz=2M hugepages=8 hugepagesz=1G hugepages=8");
    EXPECT_THAT(exported_arguments(state).tokens,
                ElementsAre("hugepagesz=2M", "hugepages=8", "hugepagesz=1G", "hugepages=8"));
}

TEST(ExportedArguments, OfTheMachineStayWhenAProfileWantsThem) {
    auto state = booted_with("console=tty0 nohz=on console=tty0");
    state.ours = {"console=tty0"};
    EXPECT_THAT(exported_arguments(state).tokens, ElementsAre("nohz=on", "console=tty0")) << "the last one is ours";
}

TEST(ExportedArguments, OfOthersAreLeftToThemAndNamed) {
    auto state = booted_with("psi=1 nohz=on skew_tick=1");
    state.owners = {{.name = "machine-config daemon", .evidence = "/etc/x", .arguments = {"psi=1", "nohz=on"}}};
    state.ours = {"nohz=on"};
    const auto [tokens, notes] = exported_arguments(state);
    EXPECT_THAT(tokens, ElementsAre("nohz=on", "skew_tick=1"));
    EXPECT_THAT(notes, Contains("left out, set by machine-config daemon (/etc/x): psi=1"));
    EXPECT_THAT(notes, Contains(AllOf(HasSubstr("add up"), HasSubstr(": nohz=on")))) << "it has this one, too";
}

TEST(ExportedArguments, NeverHoldASecretNotEvenOneThatAProfileWants) {
    auto state = booted_with("systemd.set_credential=key:hunter2 netroot=iscsi:me:hunter2@10.0.0.1::iqn "
                             "rd.iscsi.password=hunter2 x.auth-token=hunter2 nohz=on");
    state.ours = state.deployment.kernel_arguments.tokens();
    const auto [tokens, notes] = exported_arguments(state);
    EXPECT_THAT(tokens, ElementsAre("nohz=on"));
    EXPECT_THAT(notes, ElementsAre("left out, since they may hold secrets: systemd.set_credential netroot "
                                   "rd.iscsi.password x.auth-token"));
}

TEST(ExportedArguments, WithBlanksWouldDegradeThePoolAndAreLeftOut) {
    const auto [tokens, notes] = exported_arguments(booted_with("dyndbg=\"file a.c +p\" mce=\"off\""));
    EXPECT_THAT(tokens, ElementsAre("mce=\"off\""));
    EXPECT_THAT(notes, ElementsAre(HasSubstr("values with blanks: dyndbg")));
}

TEST(ExportedArguments, TakeNamesThatOnlyBeginLikeAMachinesOwnForWhatTheyAre) {
    EXPECT_THAT(exported_arguments(booted_with("rdt=cmt ipv6.disable=1 rootdelay=9 consoleblank=0")).tokens,
                ElementsAre("rdt=cmt", "ipv6.disable=1", "rootdelay=9", "consoleblank=0"));
    EXPECT_THAT(exported_arguments(booted_with("rd.luks.uuid=1 root=UUID=2 coreos.inst=yes")).tokens, IsEmpty());
}

} // namespace rtnode::exports
