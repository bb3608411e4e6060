// How the command line's words become what the daemon takes.

#include "client/client_error.hpp"
#include "client/fields.hpp"
#include "client/kernel_arguments_change.hpp"
#include "client/override.hpp"
#include "client/terminal.hpp"

#include <gmock/gmock.h>

using namespace rtnode::client;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PackageSource, IsTakenFromTheWordsForm) {
    EXPECT_EQ(source_of("https://example.com/a.rpm#sha256=00"), PackageSource::url);
    EXPECT_EQ(source_of("file:///root/a.rpm"), PackageSource::url);
    EXPECT_EQ(source_of("/root/a.rpm"), PackageSource::path);
    EXPECT_EQ(source_of("./a"), PackageSource::path);
    EXPECT_EQ(source_of("a-1-1.x86_64.rpm"), PackageSource::path);
    EXPECT_EQ(source_of("microcode_ctl"), PackageSource::name);
    EXPECT_EQ(source_of("microcode_ctl-4:20190918-3.el8"), PackageSource::name);
}

TEST(PackageSource, RelativePathsAreMadeAbsolute) {
    EXPECT_EQ(absolute("a.rpm", "/root"), "/root/a.rpm");
    EXPECT_EQ(absolute("../a.rpm", "/root/rpms"), "/root/a.rpm");
    EXPECT_EQ(absolute("/tmp/a.rpm", "/root"), "/tmp/a.rpm");
    EXPECT_EQ(absolute("microcode_ctl", "/root"), "microcode_ctl");
    EXPECT_EQ(absolute("file:///tmp/a.rpm", "/root"), "file:///tmp/a.rpm");
}

TEST(PassedFiles, AreForOthersThanRoot) {
    EXPECT_FALSE(passes_files(true, {"/tmp/a.rpm"}, {}));
    EXPECT_TRUE(passes_files(false, {"/tmp/a.rpm"}, {"/tmp/b.rpm"}));
    EXPECT_FALSE(passes_files(false, {"microcode_ctl"}, {"https://example.com/b.rpm"}));
}

TEST(PassedFiles, CantBeMixedWithNames) {
    try {
        passes_files(false, {"/tmp/a.rpm"}, {"kernel-rt-core"});
        FAIL() << "accepted";
    } catch (const ClientError& error) {
        EXPECT_EQ(error.exit(), Exit::usage);
        EXPECT_THAT(error.what(), ::testing::HasSubstr("'kernel-rt-core' can't stand beside files"));
    }
}

TEST(KernelArgumentsChange, CountsRepeatedTokens) {
    const auto change = kernel_arguments_change({"console=tty0", "quiet"}, {"console=tty0", "console=tty0", "nohz=on"});
    EXPECT_THAT(change.added, ElementsAre("console=tty0", "nohz=on"));
    EXPECT_THAT(change.removed, ElementsAre("quiet"));
    EXPECT_THAT(change.marked, ElementsAre("console=tty0", "+console=tty0", "+nohz=on", "-quiet"));
}

TEST(KernelArgumentsChange, IsEmptyForAnotherOrder) {
    EXPECT_TRUE(kernel_arguments_change({"a", "b"}, {"b", "a"}).empty());
}

TEST(Printable, ReplacesControlCharactersAndKeepsText) {
    EXPECT_EQ(printable("\033[31mµ\t\r\n"), "?[31mµ\t??");
}

TEST(Cut, CountsCharactersNotBytes) {
    EXPECT_EQ(cut("µµµ", 2), "µµ");
    EXPECT_EQ(cut("abc", 3), "abc");
    EXPECT_EQ(cut("abc", 0), "");
}

TEST(Fields, ReadAsEmptyWhenAbsentOrOfAnotherType) {
    const Json object{{"text", 7}, {"list", "x"}, {"mixed", Json::array({"a", 1})}, {"below", -1}};
    EXPECT_EQ(text(object, "text"), "");
    EXPECT_THAT(words(object, "list"), IsEmpty());
    EXPECT_THAT(words(object, "mixed"), ElementsAre("a"));
    EXPECT_EQ(count(object, "below"), std::nullopt);
    EXPECT_FALSE(flag(object, "absent"));
    EXPECT_TRUE(member(Json("no object"), "x").is_null());
}
