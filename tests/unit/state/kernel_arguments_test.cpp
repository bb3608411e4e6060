#include "state/error.hpp"
#include "state/kernel_arguments.hpp"

#include <gmock/gmock.h>

using namespace rtnode;
using testing::ElementsAre;
using Tokens = std::vector<std::string>;

namespace {

Reason reason_of_change(const KernelArguments& from, const Tokens& append, const Tokens& remove) {
    try {
        from.changed(append, remove);
    } catch (const Error& error) {
        return error.reason();
    }
    return Reason::Internal;
}

} // namespace

TEST(KernelArguments, SplitsAtBlanksButNotInsideQuotes) {
    EXPECT_THAT(KernelArguments::parse("  a  b=c\td=\"x y\" \"e f\"=g\n").tokens(),
                ElementsAre("a", "b=c", "d=\"x y\"", "\"e f\"=g"));
}

TEST(KernelArguments, KeepsOrderAndRepetition) {
    const std::string line = "console=tty0 console=ttyS0 hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=8";
    EXPECT_EQ(KernelArguments::parse(line).str(), line);
}

TEST(KernelArguments, RemovingAKeyTakesEveryFormOfIt) {
    EXPECT_EQ(KernelArguments::parse("quiet a quiet=1 quietly").changed({}, {"quiet"}).str(), "a quietly");
}

TEST(KernelArguments, RemovingAKeyWithItsValueTakesExactTokensOnly) {
    EXPECT_EQ(KernelArguments::parse("c=1 c=2 c=1 c").changed({}, {"c=1"}).str(), "c=2 c");
}

TEST(KernelArguments, RemovingWhatIsAbsentChangesNothing) {
    const auto before = KernelArguments::parse("a b");
    EXPECT_EQ(before.changed({}, {"nothere", "a=1"}), before);
}

TEST(KernelArguments, RemovesComeFirst) {
    EXPECT_EQ(KernelArguments::parse("isolcpus=1 x").changed({"isolcpus=2-3"}, {"isolcpus"}).str(), "x isolcpus=2-3");
}

TEST(KernelArguments, ASequenceThatStandsContiguouslyIsNotAppendedAgain) {
    const auto before = KernelArguments::parse("x hugepagesz=1G hugepages=4 y");
    EXPECT_EQ(before.changed({"hugepagesz=1G", "hugepages=4"}, {}), before);
}

TEST(KernelArguments, ASequenceThatStandsScatteredIsAppendedWhole) {
    EXPECT_EQ(KernelArguments::parse("hugepagesz=1G x hugepages=4").changed({"hugepagesz=1G", "hugepages=4"}, {}).str(),
              "hugepagesz=1G x hugepages=4 hugepagesz=1G hugepages=4");
}

TEST(KernelArguments, RootAndOstreeAreProtected) {
    const auto args = KernelArguments::parse("root=UUID=1 ostree=/x");
    EXPECT_EQ(reason_of_change(args, {"root=/dev/sda"}, {}), Reason::ProtectedKernelArgument);
    EXPECT_EQ(reason_of_change(args, {}, {"root"}), Reason::ProtectedKernelArgument);
    EXPECT_EQ(reason_of_change(args, {}, {"ostree=/x"}), Reason::ProtectedKernelArgument);
    EXPECT_EQ(reason_of_change(args, {"rootflags=prjquota"}, {}), Reason::Internal) << "rootflags is another argument";
}

TEST(KernelArguments, NewTokensWithBlanksOrQuotesAreRefused) {
    for (const auto* token : {"a b", "a=\"b c\"", "", "=x", "a\nb", "a='b'"})
        EXPECT_EQ(reason_of_change({}, {token}, {}), Reason::InvalidKernelArgument) << token;
}

TEST(KernelArguments, QuotedTokensOfOthersPassVerbatim) {
    EXPECT_EQ(KernelArguments::parse("dyndbg=\"file x.c +p\" a").changed({"b"}, {"a"}).str(),
              "dyndbg=\"file x.c +p\" b");
}

TEST(KernelArguments, TheBootLoadersOwnTokenCanBeLeftOut) {
    EXPECT_EQ(KernelArguments::parse("a ostree=/ostree/boot.1/x/0 b").without_ostree().str(), "a b");
}
