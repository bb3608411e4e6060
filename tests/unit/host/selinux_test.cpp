#include "host/selinux.hpp"

#include "temp_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace rtnode::host;

namespace {

/// Makes the kernel answer this process's fsetxattr(2) with EINVAL, as SELinux does for a label that it doesn't know
/// when the domain has no mac_admin. (A kernel with an SELinux policy is not to be had here.)
bool refuse_labels() {
    sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsetxattr, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{std::size(code), code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

[[noreturn]] void ask_refused(const std::filesystem::path& folder) noexcept {
    if (!refuse_labels()) _exit(2);
    _exit(confined_by_selinux(folder, folder).empty() ? 0 : 1);
}

/// Whether somebody whom the kernel refuses labels is told that SELinux confines him.
bool confines_who_is_refused(const std::filesystem::path& folder) {
    const pid_t child = fork();
    if (child == 0) ask_refused(folder);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status) == 1;
}

} // namespace

TEST(Selinux, ConfinesNobodyWhereItDoesNotEnforce) {
    TempFolder temp;
    EXPECT_FALSE(confines_who_is_refused(temp.path)) << "no SELinux";
    std::ofstream(temp.path / "enforce") << "0";
    EXPECT_FALSE(confines_who_is_refused(temp.path)) << "permissive";
}

TEST(Selinux, ConfinesWhoMayNotGiveAFileAnyLabel) {
    TempFolder temp;
    std::ofstream(temp.path / "enforce") << "1";
    EXPECT_TRUE(confines_who_is_refused(temp.path));
    EXPECT_EQ(confined_by_selinux(temp.path, temp.path), "") << "root, as in a domain that may";
}

TEST(Selinux, IsNotToBlameWhereNoFileCanBeMade) {
    TempFolder temp;
    std::ofstream(temp.path / "enforce") << "1";
    EXPECT_EQ(confined_by_selinux("/proc", temp.path), "");
}
