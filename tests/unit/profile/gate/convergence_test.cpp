#include "profile/gate/convergence.hpp"

#include "state/error.hpp"

#include <gmock/gmock.h>

namespace rtnode::profile {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string header(64, 'c');
const std::vector<std::string> no_arguments;

std::vector<std::string> words(const std::string& line) {
    return KernelArguments::parse(line).tokens();
}

Deployment deployment(const std::string& kernel_arguments = "rw") {
    Deployment made;
    made.checksum = std::string(64, 'a');
    made.kernel = "5.14.0-1.el9.x86_64";
    made.kernel_arguments = KernelArguments::parse(kernel_arguments + " ostree=/ostree/boot.1/rhcos/x/0");
    return made;
}

std::vector<std::string> of_packages(const Profile& profile, const Deployment& deployment) {
    return divergences(profile, no_arguments, Ledger(), deployment);
}

std::vector<std::string> of_arguments(const std::string& wanted, const Ledger& ledger, const Deployment& deployment) {
    return divergences(Profile(), words(wanted), ledger, deployment);
}

/// That the profile's `replace` is met by an override with microcode_ctl-4:20191115-4.el8.x86_64.
bool met(const std::string& element) {
    Profile profile;
    profile.replace = {element};
    auto made = deployment();
    made.origin.overrides_replace_local = {header + ":microcode_ctl-4:20191115-4.el8.x86_64"};
    return of_packages(profile, made).empty();
}

StandingFacts converged() {
    StandingFacts facts;
    facts.configured = true;
    return facts;
}

/// Another deployment is booted next.
StandingFacts pending(std::vector<std::string> booted, std::vector<std::string> next) {
    auto facts = converged();
    facts.booted = std::move(booted);
    facts.next = std::move(next);
    facts.booted_is_next = false;
    facts.next_deployment = "4711";
    return facts;
}

const Check hpet{"clocksource", CheckState::failed, "tsc", "hpet", "boot with tsc=reliable"};

AcceptanceEntry failed_plan(Outcome outcome) {
    AcceptanceEntry entry;
    entry.plan = "1234";
    entry.profile = "worker-rt";
    entry.outcome = outcome;
    entry.reasons = {"too late"};
    return entry;
}

} // namespace

TEST(Divergences, OfAProfileThatWantsNothingThereAreNone) {
    EXPECT_THAT(of_packages(Profile(), deployment()), IsEmpty());
}

TEST(Divergences, TheKernelMustBeOfTheWantedKind) {
    Profile rt, stock;
    rt.kernel = "rt";
    stock.kernel = "stock";
    auto made = deployment();
    EXPECT_THAT(of_packages(rt, made),
                ElementsAre(AllOf(HasSubstr("real-time kernel is missing"), HasSubstr("5.14.0-1.el9.x86_64"))));
    EXPECT_THAT(of_packages(stock, made), IsEmpty());
    made.real_time = true;
    EXPECT_THAT(of_packages(rt, made), IsEmpty());
    EXPECT_THAT(of_packages(stock, made), ElementsAre(HasSubstr("stock kernel is missing")));
}

TEST(Divergences, ANamedKernelVersionMustBeTheOneThatIsThere) {
    Profile profile;
    profile.kernel = "rt";
    auto made = deployment();
    made.real_time = true;
    made.origin.requested_local = {header + ":kernel-rt-core-5.14.0-427.el9.x86_64"};
    for (const auto* version : {"", "newest", "match-base", "pinned", "5.14.0-427.el9", "5.14.0"}) {
        profile.kernel_version = version;
        EXPECT_THAT(of_packages(profile, made), IsEmpty()) << version;
    }
    profile.kernel_version = "5.14.0-503.el9";
    EXPECT_THAT(of_packages(profile, made),
                ElementsAre("the real-time kernel is 5.14.0-427.el9, and 5.14.0-503.el9 is wanted"));
}

TEST(Divergences, AnOverrideIsMetByItsNameAndByEachSpellingOfItsVersion) {
    for (const auto* element :
         {"microcode_ctl", "microcode_ctl.x86_64", "microcode_ctl-20191115", "microcode_ctl-20191115-4.el8",
          "microcode_ctl-4:20191115-4.el8", "microcode_ctl-20191115-4.el8.x86_64"})
        EXPECT_TRUE(met(element)) << element;
    for (const auto* element : {"microcode", "microcode_ctl-20191115-5.el8", "microcode_ctl-5:20191115-4.el8",
                                "microcode_ctl-2019", "microcode_ctl-extra"})
        EXPECT_FALSE(met(element)) << element;
}

TEST(Divergences, AFileIsMetByThePackageThatItIsCalledLike) {
    EXPECT_TRUE(met("/root/microcode_ctl-20191115-4.el8.x86_64.rpm"));
    EXPECT_TRUE(met("https://web/x/microcode_ctl-20191115-4.el8.x86_64.rpm#sha256=" + header));
    EXPECT_TRUE(met("https://web/x/microcode_ctl-20191115-4.el8.x86_64.rpm?token=a/b"));
    EXPECT_FALSE(met("https://web/microcode_ctl-20191115-5.el8.x86_64.rpm"));
}

TEST(Divergences, AFileThatCantBeToldByItsNameCountsAsMet) {
    EXPECT_TRUE(met("/root/fix.rpm"));
    EXPECT_TRUE(met("https://web/download?id=3"));
    EXPECT_TRUE(met("https://web/x/libstdc%2B%2B-8-1.el8.x86_64.rpm"));
}

TEST(Divergences, SecretsOfAUrlAreNotSaid) {
    Profile profile;
    profile.replace = {"https://user:secret@web/microcode_ctl-5-1.el8.x86_64.rpm?token=secret"};
    EXPECT_THAT(of_packages(profile, deployment()),
                ElementsAre(AllOf(HasSubstr("microcode_ctl-5-1.el8.x86_64"), Not(HasSubstr("secret")))));
}

TEST(Divergences, AnotherVersionThatIsThereIsNamed) {
    Profile profile;
    profile.replace = {"microcode_ctl-20191115-5.el8"};
    auto made = deployment();
    made.origin.overrides_replace_local = {header + ":microcode_ctl-4:20191115-4.el8.x86_64"};
    EXPECT_THAT(of_packages(profile, made), ElementsAre("the override microcode_ctl-20191115-5.el8 is missing; it has "
                                                        "microcode_ctl-4:20191115-4.el8.x86_64"));
}

TEST(Divergences, WhatIsToBeInstalledMustBeLayeredByWhomever) {
    Profile profile;
    profile.install = {"stalld", "tuna"};
    auto made = deployment();
    EXPECT_THAT(of_packages(profile, made),
                ElementsAre("the package stalld is not installed", "the package tuna is not installed"));
    made.origin.requested_local = {header + ":stalld-1.19-1.el9.x86_64"};
    made.origin.requested = {"tuna"};
    EXPECT_THAT(of_packages(profile, made), IsEmpty());
}

TEST(Divergences, WhatIsToBeRemovedMustBeGone) {
    Profile profile;
    profile.remove = {"irqbalance", "tuned-2.22-1.el9"};
    auto made = deployment();
    EXPECT_THAT(of_packages(profile, made),
                ElementsAre("the package irqbalance is not removed", "the package tuned-2.22-1.el9 is not removed"));
    made.origin.overrides_remove = {"irqbalance", "tuned"};
    made.removed = {Nevra::parse("tuned-2.22-1.el9.noarch")};
    EXPECT_THAT(of_packages(profile, made), IsEmpty());
}

TEST(Divergences, WhatTheBaseHasByItselfIsMetOnceAPlanFoundThat) {
    Profile profile;
    profile.replace = {"microcode_ctl"};
    auto made = deployment();
    Ledger ledger;
    EXPECT_THAT(divergences(profile, no_arguments, ledger, made), ElementsAre(HasSubstr("microcode_ctl is missing")));
    EXPECT_TRUE(ledger.packages_met(profile, made.checksum));
    EXPECT_THAT(divergences(profile, no_arguments, ledger, made), IsEmpty());

    auto other = made;
    other.checksum = std::string(64, 'b');
    EXPECT_THAT(divergences(profile, no_arguments, ledger, other), Not(IsEmpty()))
        << "another commit is another answer";
    profile.replace = {"microcode_ctl-20191115"};
    EXPECT_THAT(divergences(profile, no_arguments, ledger, made), Not(IsEmpty())) << "and so is another wish";
}

TEST(Divergences, AnOriginThatCantBeReadIsOne) {
    auto made = deployment();
    made.origin.overrides_replace_local = {"no pin"};
    EXPECT_THAT(of_packages(Profile(), made), ElementsAre(HasSubstr("no pin")));
}

TEST(Divergences, ArgumentsThatAreMissingAreNamedAsOftenAsTheyAre) {
    EXPECT_THAT(of_arguments("a b a", Ledger(), deployment("rw a")), ElementsAre("kernel arguments are missing: b a"));
    EXPECT_THAT(of_arguments("a b a", Ledger(), deployment("rw a b a quiet")), IsEmpty());
}

TEST(Divergences, ArgumentsMustStandTogetherAndInOrder) {
    for (const auto* line : {"b a", "a quiet b"})
        EXPECT_THAT(of_arguments("a b", Ledger(), deployment(line)), ElementsAre(HasSubstr("profile's order: a b")))
            << line;
}

TEST(Divergences, ArgumentsOfOursThatTheProfileDroppedAreLeftOver) {
    Ledger ledger;
    ledger.intend("worker-rt", "hash", "commit", KernelArguments::parse("rw a b"), words("a b"));
    EXPECT_THAT(of_arguments("a", ledger, deployment("rw a b")),
                ElementsAre(AllOf(HasSubstr("left over"), HasSubstr(": b"))));
    EXPECT_THAT(of_arguments("a", Ledger(), deployment("rw a b")), IsEmpty()) << "b is others'";
}

TEST(Divergences, ThereAreSomeOfArgumentsExactlyWhenApplyingTheProfileChangesThem) {
    const std::vector<const char*> lines{"", "a", "a b", "b a", "a a", "a b x", "x a b", "a x b", "b a x a b"};
    for (const auto* line : lines)
        for (const auto* owned : {"", "a", "b", "a b", "a a"})
            for (const auto* wanted : {"", "a", "a b", "b a", "a a", "c"}) {
                const auto made = deployment(line);
                const auto arguments = made.kernel_arguments.without_ostree();
                Ledger ledger;
                ledger.intend("p", "h", "c", arguments, words(owned));
                const auto change = apply_profile(arguments, ledger.owned_in(arguments), words(wanted));
                EXPECT_EQ(of_arguments(wanted, ledger, made).empty(), change.after == arguments)
                    << "arguments '" << line << "', owned '" << owned << "', wanted '" << wanted << "'";
            }
}

TEST(Divergences, ProtectedArgumentsAreRefused) {
    EXPECT_THROW(of_arguments("root=/dev/sda", Ledger(), deployment("rw")), Error);
}

TEST(Standing, WithoutAProfileThereIsNothingToSay) {
    StandingFacts facts;
    facts.effects = {hpet};
    facts.failed = failed_plan(Outcome::failed);
    EXPECT_EQ(standing(facts), (Standing{Condition::unconfigured, {}}));
}

TEST(Standing, WhatIsBootedAndHoldsIsConverged) {
    auto facts = converged();
    facts.effects = {{"clocksource", CheckState::ok, "tsc", "tsc", ""},
                     {"microcode", CheckState::not_applicable, "", "", "a virtual machine"}};
    EXPECT_EQ(standing(facts), (Standing{Condition::converged, {}}));
}

TEST(Standing, WhatCouldNotBeFoundOutIsSaidOfAConvergedNode) {
    auto facts = converged();
    facts.effects = {{"microcode", CheckState::unknown, "", "", "the file can't be read"}};
    EXPECT_EQ(standing(facts), (Standing{Condition::converged, {"microcode: the file can't be read"}}));
}

TEST(Standing, WhatIsBootedButHasNoEffectIsDiverged) {
    auto facts = converged();
    facts.effects = {hpet};
    EXPECT_EQ(standing(facts),
              (Standing{Condition::diverged, {"clocksource: expected 'tsc', found 'hpet'; boot with tsc=reliable"}}));
}

TEST(Standing, WhatIsBootedAndOtherwiseIsDiverged) {
    auto facts = converged();
    facts.booted = {"kernel arguments are missing: a"};
    EXPECT_EQ(standing(facts), (Standing{Condition::diverged, {"kernel arguments are missing: a"}}));
}

TEST(Standing, WhatIsStagedAsWantedNeedsAReboot) {
    auto facts = pending({"the real-time kernel is missing"}, {});
    facts.effects = {hpet};
    const auto found = standing(facts);
    EXPECT_EQ(found.condition, Condition::reboot_required);
    EXPECT_THAT(found.reasons,
                ElementsAre(AllOf(HasSubstr("4711"), HasSubstr("reboot")), "the real-time kernel is missing"));
}

TEST(Standing, SomethingElseStagedOverOursIsDivergedAndNamed) {
    EXPECT_EQ(
        standing(pending({}, {"the real-time kernel is missing"})),
        (Standing{Condition::diverged, {"deployment 4711, which is booted next: the real-time kernel is missing"}}));
}

TEST(Standing, AnUpdateStagedOverOursThatIsAsWantedIsConverged) {
    EXPECT_EQ(standing(pending({}, {})), (Standing{Condition::converged, {}}));
}

TEST(Standing, ARebootThatWouldNotMendItIsNotAskedFor) {
    EXPECT_EQ(standing(pending({"a"}, {"b"})),
              (Standing{Condition::diverged, {"deployment 4711, which is booted next: b", "a"}}));
}

TEST(Standing, APlanThatFailedIsToldWhateverElseHolds) {
    auto booted = converged();
    booted.failed = failed_plan(Outcome::failed);
    EXPECT_EQ(standing(booted).condition, Condition::failed);
    EXPECT_THAT(standing(booted).reasons,
                ElementsAre(AllOf(HasSubstr("1234"), HasSubstr("too late"), Not(HasSubstr("went back")))));

    auto back = converged();
    back.booted = {"the real-time kernel is missing"};
    back.failed = failed_plan(Outcome::rolled_back);
    EXPECT_EQ(standing(back).condition, Condition::failed);
    EXPECT_THAT(standing(back).reasons, ElementsAre(HasSubstr("went back"), "the real-time kernel is missing"));
}

TEST(Condition, HasTheNamesOfTheBus) {
    std::vector<std::string_view> names;
    for (const auto condition : {Condition::unconfigured, Condition::converged, Condition::diverged,
                                 Condition::reboot_required, Condition::failed})
        names.push_back(name_of(condition));
    EXPECT_THAT(names, ElementsAre("unconfigured", "converged", "diverged", "reboot-required", "failed"));
}

TEST(InWords, ACheckSaysWhatItFoundAndWhatToDo) {
    EXPECT_EQ(in_words(hpet), "clocksource: expected 'tsc', found 'hpet'; boot with tsc=reliable");
    EXPECT_EQ(in_words({"isolated", CheckState::failed, "2-3", "", ""}), "isolated: expected '2-3', found nothing");
    EXPECT_EQ(in_words({"x", CheckState::unknown, "", "", ""}), "x");
}

} // namespace rtnode::profile
