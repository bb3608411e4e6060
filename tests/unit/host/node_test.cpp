#include "host/node.hpp"

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

using namespace rtnode::host;

TEST(Node, KnowsItsKernelAndBoot) {
    EXPECT_FALSE(kernel_release().empty());
    EXPECT_EQ(boot_id().size(), 36U);
}

TEST(UserNamespace, WeAreInOurOwn) {
    EXPECT_TRUE(in_our_user_namespace(getpid()));
}

TEST(UserNamespace, AProcessOfAnotherIsTold) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        const char done = unshare(CLONE_NEWUSER) == 0 ? 'y' : 'n';
        if (write(ready[1], &done, 1) != 1) _exit(1);
        for (;;)
            pause();
    }
    char done = 0;
    ASSERT_EQ(read(ready[0], &done, 1), 1);
    EXPECT_EQ(done, 'y') << "user namespaces are needed for this test";
    EXPECT_FALSE(in_our_user_namespace(child));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

TEST(UserNamespace, AProcessThatIsGoneIsNotInIt) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, nullptr, 0);
    EXPECT_FALSE(in_our_user_namespace(child));
    EXPECT_FALSE(in_our_user_namespace(0));
}
