#include "profile/gate/ledger.hpp"

#include "state/error.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace rtnode::profile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> words(const char* line) {
    return KernelArguments::parse(line).tokens();
}

std::string joined(const std::vector<std::string>& tokens) {
    return KernelArguments(tokens).str();
}

/// "ARGUMENTS AFTER | OURS OF THEM"
std::string applied(const char* start, const char* owned, const char* wanted) {
    const auto change = apply_profile(KernelArguments::parse(start), words(owned), words(wanted));
    return change.after.str() + " | " + joined(change.owned);
}

std::string owned_in(const Ledger& ledger, const char* arguments) {
    return joined(ledger.owned_in(KernelArguments::parse(arguments)));
}

void intend(Ledger& ledger, const char* arguments, const char* owned) {
    ledger.intend("worker-rt", "hash", "commit", KernelArguments::parse(arguments), words(owned));
}

/// As intend(), and it came to be.
void deploy(Ledger& ledger, const char* arguments, const char* owned) {
    intend(ledger, arguments, owned);
    ledger.saw(KernelArguments::parse(arguments));
}

Reason refused(const char* start, const std::vector<std::string>& owned, const std::vector<std::string>& wanted) {
    try {
        apply_profile(KernelArguments::parse(start), owned, wanted);
    } catch (const Error& error) {
        return error.reason();
    }
    return Reason::Internal;
}

} // namespace

TEST(ApplyProfile, AppendsWhatIsWantedAndOwnsIt) {
    EXPECT_EQ(applied("rw quiet", "", "nohz=on skew_tick=1"), "rw quiet nohz=on skew_tick=1 | nohz=on skew_tick=1");
}

TEST(ApplyProfile, WhatTheProfileDropsGoesAndOthersStay) {
    EXPECT_EQ(applied("rw a b c quiet", "a b c", "a c"), "rw quiet a c | a c");
}

TEST(ApplyProfile, AnEmptiedProfileLeavesWhatOthersSet) {
    EXPECT_EQ(applied("rw a quiet b", "a b", ""), "rw quiet | ");
    EXPECT_EQ(applied("rw quiet", "", ""), "rw quiet | ");
    EXPECT_EQ(applied("a", "a", ""), " | ");
}

TEST(ApplyProfile, WhatStandsIsLeftAloneWhereverItStands) {
    EXPECT_EQ(applied("rw a b quiet", "a b", "a b"), "rw a b quiet | a b");
}

TEST(ApplyProfile, WhatOthersHaveAlreadyDoesntBecomeOurs) {
    EXPECT_EQ(applied("rw a b", "", "a b"), "rw a b | ");
    EXPECT_EQ(applied("rw a b", "", ""), "rw a b | ") << "so it stays when the profile drops it";
}

TEST(ApplyProfile, OfASequenceThatStandsEverybodyKeepsTheirPart) {
    EXPECT_EQ(applied("rw a b", "b", "a b"), "rw a b | b");
    EXPECT_EQ(applied("rw a b", "b", ""), "rw a | ");
}

TEST(ApplyProfile, ASequenceThatOthersHaveInPartIsAppendedWhole) {
    EXPECT_EQ(applied("rw a", "", "a b"), "rw a a b | a b");
    EXPECT_EQ(applied("rw a a b", "a b", ""), "rw a | ") << "their a stays";
}

TEST(ApplyProfile, ALeftoverGoesAlsoWhereTheRestStands) {
    EXPECT_EQ(applied("rw a b c", "c", "a b"), "rw a b | ");
    EXPECT_EQ(applied("a b x a b c", "a b c", "a b"), "a b x | ") << "the sequence of others is enough";
}

TEST(ApplyProfile, AnotherOrderIsAnotherWish) {
    EXPECT_EQ(applied("rw a b", "a b", "b a"), "rw b a | b a");
}

TEST(ApplyProfile, WhatSomebodyPutInBetweenIsMovedOutOfTheSequence) {
    EXPECT_EQ(applied("rw a quiet b", "a b", "a b"), "rw quiet a b | a b");
}

TEST(ApplyProfile, TheOrderOfOthersArgumentsIsKept) {
    EXPECT_EQ(applied("z a y x b w", "a b", "c"), "z y x w c | c");
}

TEST(ApplyProfile, EqualTokensOfOthersAreLeftByTheRunThatIsOurs) {
    EXPECT_EQ(applied("a b quiet b", "a b", "c"), "quiet b c | c") << "theirs behind ours";
    EXPECT_EQ(applied("b quiet a b", "a b", "c"), "b quiet c | c") << "theirs before ours";
    EXPECT_EQ(applied("a b quiet a b", "a b", ""), "a b quiet | ") << "of two runs ours is the last";
}

TEST(ApplyProfile, HugePagesGoWithTheSizeThatIsBeforeThem) {
    EXPECT_EQ(applied("hugepagesz=2M hugepages=4 hugepagesz=1G hugepages=4", "hugepagesz=1G hugepages=4", ""),
              "hugepagesz=2M hugepages=4 | ");
    EXPECT_EQ(applied("hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4", "hugepagesz=1G hugepages=4", ""),
              "hugepagesz=2M hugepages=4 | ");
    EXPECT_EQ(applied("hugepagesz=1G quiet hugepages=4 hugepagesz=2M hugepages=4", "hugepagesz=1G hugepages=4", ""),
              "quiet hugepagesz=2M hugepages=4 | ")
        << "also when they no longer stand together";
}

TEST(ApplyProfile, AChangedNumberOfHugePagesKeepsThePairsTogether) {
    EXPECT_EQ(applied("rw default_hugepagesz=1G hugepagesz=1G hugepages=4",
                      "default_hugepagesz=1G hugepagesz=1G hugepages=4",
                      "default_hugepagesz=1G hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=0"),
              "rw default_hugepagesz=1G hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=0 | "
              "default_hugepagesz=1G hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=0");
}

TEST(ApplyProfile, ATokenMayBeWantedTwice) {
    EXPECT_EQ(applied("rw", "", "skew_tick=1 a skew_tick=1"),
              "rw skew_tick=1 a skew_tick=1 | skew_tick=1 a skew_tick=1");
    EXPECT_EQ(applied("rw x a x", "x a x", "x a"), "rw x a | x a");
    EXPECT_EQ(applied("rw a a", "a a", "a"), "rw a | a");
    EXPECT_EQ(applied("rw a", "a", "a a"), "rw a a | a a");
}

TEST(ApplyProfile, OursThatSomebodyReorderedAreTakenOneByOne) {
    EXPECT_EQ(applied("b quiet a", "a b", "c"), "quiet c | c");
    EXPECT_EQ(applied("b a b quiet a a", "b b a a", ""), "a quiet | ") << "in their order as long as that goes";
    EXPECT_EQ(applied("a b quiet b", "b a", ""), "b quiet | ") << "else the last of each";
}

TEST(ApplyProfile, OursThatSomebodyTookAwayAreNotMissed) {
    EXPECT_EQ(applied("rw b", "a b", ""), "rw | ");
    EXPECT_EQ(applied("rw b", "a b", "a b"), "rw a b | a b");
    EXPECT_EQ(applied("rw a b", "a b gone", "a b"), "rw a b | a b");
}

TEST(ApplyProfile, QuotedArgumentsOfOthersPassVerbatim) {
    EXPECT_EQ(applied("dyndbg=\"file x.c +p\" a", "a", "b"), "dyndbg=\"file x.c +p\" b | b");
}

TEST(ApplyProfile, RootAndOstreeAreRefusedAlsoFromTheLedger) {
    EXPECT_EQ(refused("root=UUID=1 rw", {}, {"root=/dev/sda"}), Reason::ProtectedKernelArgument);
    EXPECT_EQ(refused("root=UUID=1 rw", {}, {"a", "ostree=/x"}), Reason::ProtectedKernelArgument);
    EXPECT_EQ(refused("root=UUID=1 rw", {"root=UUID=1"}, {"a"}), Reason::ProtectedKernelArgument);
}

TEST(ApplyProfile, WhatIsNoArgumentIsRefused) {
    for (const auto* token : {"a b", "a=\"b\"", "", "=x"})
        EXPECT_EQ(refused("rw", {}, {token}), Reason::InvalidKernelArgument) << token;
}

TEST(ApplyProfile, AppliedToItsOwnResultItChangesNothing) {
    const std::vector<const char*> lines{"",      "a",     "b",     "a b",     "b a",       "a a",        "a b c",
                                         "a x b", "x a b", "a b x", "a b a b", "b a x a b", "a b x a b c"};
    for (const auto* start : lines)
        for (const auto* owned : lines)
            for (const auto* wanted : {"", "a", "a b", "b a", "a a", "a b c", "a b a"}) {
                const auto once = apply_profile(KernelArguments::parse(start), words(owned), words(wanted));
                EXPECT_EQ(apply_profile(once.after, once.owned, words(wanted)), once)
                    << "start '" << start << "', owned '" << owned << "', wanted '" << wanted << "'";
            }
}

TEST(ApplyProfile, NothingOfOthersIsEverLostOrClaimed) {
    const std::vector<const char*> lines{"", "a", "a b", "b a", "a a", "a b x", "x a b", "a x b", "b a x a b"};
    for (const auto* start : lines)
        for (const auto* owned : {"", "a", "b", "a b", "a a"})
            for (const auto* wanted : {"", "a", "a b", "b a", "c"}) {
                const auto before = words(start);
                const auto others = only_in_first(before, words(owned));
                const auto once = apply_profile(KernelArguments::parse(start), words(owned), words(wanted));
                const auto still = only_in_first(once.after.tokens(), once.owned);
                EXPECT_THAT(only_in_first(others, still), IsEmpty())
                    << "start '" << start << "', owned '" << owned << "', wanted '" << wanted << "'";
                EXPECT_THAT(only_in_first(still, others), IsEmpty())
                    << "start '" << start << "', owned '" << owned << "', wanted '" << wanted << "'";
            }
}

TEST(Ledger, KnowsOursByTheWholeCommandLine) {
    Ledger ledger;
    deploy(ledger, "rw a", "a");
    deploy(ledger, "rw b", "b");
    EXPECT_EQ(owned_in(ledger, "rw a"), "a") << "the way back has what it had then";
    EXPECT_EQ(owned_in(ledger, "rw b"), "b");
}

TEST(Ledger, TheBootLoadersTokenDoesntCount) {
    Ledger ledger;
    deploy(ledger, "rw a ostree=/ostree/boot.1/rhcos/x/0", "a");
    EXPECT_EQ(owned_in(ledger, "ostree=/ostree/boot.0/rhcos/x/1 rw a"), "a");
}

TEST(Ledger, OfTwoEntriesForOneCommandLineTheNewerOneCounts) {
    Ledger ledger;
    deploy(ledger, "rw a b", "a b");
    deploy(ledger, "rw a b", "b");
    EXPECT_EQ(owned_in(ledger, "rw a b"), "b");
    EXPECT_THAT(ledger.entries(), SizeIs(1));
}

TEST(Ledger, AfterSomebodysChangeWhatIsStillThereOfTheNewestIsOurs) {
    Ledger ledger;
    deploy(ledger, "rw x", "x");
    deploy(ledger, "rw a b a", "a b a");
    EXPECT_EQ(owned_in(ledger, "rw a b a quiet"), "a b a") << "one more";
    EXPECT_EQ(owned_in(ledger, "rw b a"), "a b") << "one less; in the order of the entry";
    EXPECT_EQ(owned_in(ledger, "rw x quiet"), "") << "older entries say nothing of it";
}

TEST(Ledger, AnIntentionThatCameToNothingClaimsNothing) {
    Ledger ledger;
    deploy(ledger, "rw quiet a", "a");
    intend(ledger, "rw quiet", "quiet"); // a power cut before the deployment
    EXPECT_EQ(owned_in(ledger, "rw quiet a"), "a");
    EXPECT_EQ(owned_in(ledger, "rw quiet a debug"), "a") << "also after somebody's change";
}

TEST(Ledger, AnIntentionCountsOnceItsDeploymentIsThere) {
    Ledger ledger;
    intend(ledger, "rw a", "a");
    EXPECT_EQ(owned_in(ledger, "rw a"), "a") << "a power cut right after the deployment";
    EXPECT_TRUE(ledger.saw(KernelArguments::parse("rw a ostree=/x")));
    EXPECT_FALSE(ledger.saw(KernelArguments::parse("rw a"))) << "known already";
    EXPECT_FALSE(ledger.saw(KernelArguments::parse("rw b"))) << "not ours";
}

TEST(Ledger, WithoutAnEntryNothingIsOurs) {
    EXPECT_EQ(owned_in(Ledger(), "rw a"), "");
}

TEST(Ledger, RemembersWhichPackagesAPlanFoundMet) {
    const TempFolder folder;
    Profile profile;
    profile.name = "worker-rt";
    profile.kernel = "rt";
    Ledger ledger;
    EXPECT_TRUE(ledger.packages_met(profile, "commit"));
    EXPECT_FALSE(ledger.packages_met(profile, "commit")) << "nothing new to save";
    ledger.save(folder.path);
    std::vector<std::string> warnings;
    EXPECT_TRUE(Ledger::load(folder.path, warnings).has_packages(profile, "commit"));
    profile.kernel = "stock";
    EXPECT_FALSE(Ledger::load(folder.path, warnings).has_packages(profile, "commit"));
}

TEST(Ledger, KeepsTheNewestEntries) {
    Ledger ledger;
    for (int i = 0; i < 40; ++i)
        ledger.intend("p", "h", "c", KernelArguments({"n=" + std::to_string(i)}), {});
    ASSERT_THAT(ledger.entries(), SizeIs(Ledger::most_entries));
    EXPECT_EQ(ledger.entries().front().arguments, "n=8");
    EXPECT_EQ(ledger.entries().back().arguments, "n=39");
}

TEST(Ledger, SurvivesOnDisk) {
    const TempFolder temp;
    std::vector<std::string> warnings;
    Ledger ledger;
    deploy(ledger, "rw a", "a");
    intend(ledger, "rw b", "b");
    ledger.save(temp.path);
    EXPECT_EQ(Ledger::load(temp.path, warnings).entries(), ledger.entries());
    EXPECT_THAT(warnings, IsEmpty());
}

TEST(Ledger, AMissingOrDamagedFileIsAnEmptyLedger) {
    const TempFolder temp;
    std::vector<std::string> warnings;
    EXPECT_THAT(Ledger::load(temp.path, warnings).entries(), IsEmpty());
    EXPECT_THAT(warnings, IsEmpty());
    std::ofstream(temp.path / Ledger::file_name) << "[";
    EXPECT_THAT(Ledger::load(temp.path, warnings).entries(), IsEmpty());
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("damaged")));
}

TEST(Ledger, AFileThatCallsTheRootOursIsDamaged) {
    const TempFolder temp;
    std::vector<std::string> warnings;
    Ledger ledger;
    intend(ledger, "root=UUID=1 a", "root=UUID=1 a");
    ledger.save(temp.path);
    EXPECT_THAT(Ledger::load(temp.path, warnings).entries(), IsEmpty());
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("root")));
}

TEST(Ledger, AProfilesWholeLifeLeavesWhatWasThereBefore) {
    Ledger ledger;
    auto arguments = KernelArguments::parse("root=UUID=1 rw nohz=on console=ttyS0");
    const auto apply = [&](const char* wanted) {
        const auto change = apply_profile(arguments, ledger.owned_in(arguments), words(wanted));
        if (change.after == arguments) return;
        ledger.intend("worker-rt", "hash", "commit", change.after, change.owned);
        arguments = change.after;
        ledger.saw(arguments);
    };
    apply("nohz=on hugepagesz=1G hugepages=4");
    arguments = arguments.changed({"debug"}, {}); // by hand
    apply("nohz=on hugepagesz=1G hugepages=4 skew_tick=1");
    EXPECT_EQ(arguments.str(),
              "root=UUID=1 rw nohz=on console=ttyS0 debug nohz=on hugepagesz=1G hugepages=4 skew_tick=1");
    apply("");
    EXPECT_EQ(arguments.str(), "root=UUID=1 rw nohz=on console=ttyS0 debug");
}

TEST(LedgerOfArguments, KnowsWhichPlanMadeADeployment) {
    Ledger ledger;
    const auto arguments = KernelArguments::parse("rw a");
    ledger.intend("worker-rt", "first", "one", arguments, words("a"));
    ledger.intend("worker-rt", "second", "two", arguments, words("a"));
    ASSERT_NE(ledger.made("one", arguments), nullptr);
    EXPECT_EQ(ledger.made("one", arguments)->plan, "first");
    EXPECT_EQ(ledger.made("one", KernelArguments::parse("rw")), nullptr) << "somebody changed its arguments";
    EXPECT_EQ(ledger.plan_of("worker-rt", arguments), "second");
    EXPECT_EQ(ledger.plan_of("other", arguments), "");
}

TEST(LedgerOfArguments, WhatAPlanFoundAsItShouldBeIsThatPlans) {
    Ledger ledger;
    const auto arguments = KernelArguments::parse("rw a");
    EXPECT_TRUE(ledger.found("measure-only", "nothing", "one", arguments));
    ASSERT_NE(ledger.made("one", arguments), nullptr);
    EXPECT_EQ(ledger.made("one", arguments)->plan, "nothing");
    EXPECT_EQ(ledger.plan_of("measure-only", arguments), "nothing");
    EXPECT_EQ(owned_in(ledger, "rw a"), "") << "who set it didn't change";
    EXPECT_FALSE(ledger.found("measure-only", "nothing", "one", arguments)) << "known already";
}

TEST(LedgerOfArguments, WhatAProfileMadeStaysOfThePlanThatMadeIt) {
    Ledger ledger;
    const auto arguments = KernelArguments::parse("rw a");
    ledger.intend("worker-rt", "made", "one", arguments, words("a"));
    EXPECT_FALSE(ledger.found("worker-rt", "nothing", "one", arguments));
    EXPECT_EQ(ledger.made("one", arguments)->plan, "made");
    EXPECT_TRUE(ledger.found("other", "nothing", "one", arguments)) << "the node is to be that one now";
    EXPECT_EQ(ledger.made("one", arguments)->profile, "other");
    EXPECT_EQ(owned_in(ledger, "rw a"), "a") << "ours, whichever profile wants it";
}

} // namespace rtnode::profile
