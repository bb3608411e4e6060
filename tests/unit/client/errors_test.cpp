// What rtnodectl says of errors, and of its exit statuses.

#include "client/bus_error.hpp"
#include "client/exit_statuses.hpp"

#include <gmock/gmock.h>

using namespace rtnode::client;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(BusErrors, OfTheDaemonSayThemselvesWhatToDo) {
    const auto error = client_error("org.rtnode1.Error.QueueFull", "16 jobs wait already; ask again later");
    EXPECT_EQ(error.exit(), Exit::failed);
    EXPECT_STREQ(error.what(), "16 jobs wait already; ask again later");
    EXPECT_EQ(client_error("org.rtnode1.Error.InvalidArgument", "x").exit(), Exit::usage);
    EXPECT_STREQ(client_error("org.rtnode1.Error.NotAuthorized", "uid 7 may not do this").what(),
                 "uid 7 may not do this");
    EXPECT_EQ(client_error("org.rtnode1.Error.NotAuthorized", "").exit(), Exit::not_authorized);
}

TEST(BusErrors, OfTheBusGetWhatToDoNext) {
    const auto said = [](const char* name) {
        return std::string(client_error(std::string("org.freedesktop.DBus.Error.") + name, "the bus's words").what());
    };
    EXPECT_THAT(said("ServiceUnknown"), AllOf(HasSubstr("(the bus's words)"), HasSubstr("systemctl status rtnoded")));
    EXPECT_THAT(said("UnknownObject"), AllOf(HasSubstr("(the bus's words)"), HasSubstr("rtnodectl jobs")));
    EXPECT_THAT(said("UnknownMethod"), AllOf(HasSubstr("(the bus's words)"), HasSubstr("rtnodectl version")));
    EXPECT_THAT(said("AccessDenied"), AllOf(HasSubstr("(the bus's words)"), HasSubstr("as root")));
    EXPECT_EQ(client_error("org.freedesktop.DBus.Error.Spawn.ChildExited", "").exit(), Exit::unreachable);
    EXPECT_EQ(client_error("org.freedesktop.DBus.Error.AccessDenied", "").exit(), Exit::not_authorized);
}

TEST(ExitStatuses, StandInOrderEachOnce) {
    const auto text = exit_statuses({{Exit::interrupted, "Ctrl-C"}, {Exit::failed, "a regression"}});
    EXPECT_THAT(text, AllOf(StartsWith("Exit status:\n  0    done\n  1    a regression\n  2    wrong arguments\n"),
                            EndsWith("\n  130  Ctrl-C"), Not(HasSubstr("or it failed"))));
    EXPECT_THAT(job_exit_statuses(), AllOf(HasSubstr("\n  77   "), HasSubstr("\n  1    the job failed")));
}
