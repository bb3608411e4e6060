// What the sandbox keeps in: scriptlets can do what they like, host and base stay as they are.

#include "node.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <iterator>
#include <set>

using namespace rtnode;
using namespace rtnode::test;
using testing::Contains;
using testing::HasSubstr;

using Sandbox = OnNode;

namespace {

/// Command lines of all processes of the host.
std::multiset<std::string> processes() {
    std::multiset<std::string> lines;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        auto line = file_text(entry.path() / "cmdline");
        for (auto& byte : line)
            if (byte == '\0') byte = ' ';
        if (!line.empty()) lines.insert(line);
    }
    return lines;
}

/// Looks again and again, for at most 20 s.
bool comes_true(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        poll(nullptr, 0, 10);
    }
    return true;
}

} // namespace

TEST_F(Sandbox, KeepsScriptletsFromTheHost) {
    const auto core_pattern = file_text("/proc/sys/kernel/core_pattern");
    const auto before = state_of(base());
    assembly.install = {package("bad/touches-host.rpm")};

    const auto result = assemble::assemble(assembly, heard);

    std::map<std::string, std::string> tried;
    std::ifstream file(result.upper / "usr/share/touches-host/tried");
    for (std::string name, answer; file >> name >> answer;)
        tried[name] = answer;
    for (const auto* name : {"core_pattern", "sysctl_write", "sys_write", "sysrq", "init_root", "network", "module",
                             "mknod_disk", "mount_it", "other_processes", "set_hostname", "set_clock", "devices"})
        EXPECT_EQ(tried[name], "no") << name;
    // These are the sandbox's own, of which nothing is kept.
    for (const auto* place : {"/boot", "/var", "/run", "/sysroot", ""})
        EXPECT_FALSE(fs::exists(std::string(place) + "/rtnode-touched")) << place;
    EXPECT_THAT(heard.lines, Contains(HasSubstr("/rtnode-touched lies outside /usr")));
    EXPECT_FALSE(fs::exists(result.upper / "rtnode-touched"));
    EXPECT_EQ(file_text("/proc/sys/kernel/core_pattern"), core_pattern);
    EXPECT_EQ(state_of(base()), before);
}

TEST_F(Sandbox, TakesWritesInPlaceAwayFromTheBase) {
    const auto before = state_of(base());
    assembly.install = {package("bad/writes-in-place.rpm")};

    const auto result = assemble::assemble(assembly, heard);

    EXPECT_THAT(file_text(result.upper / "usr/share/rtnode-sample/data"), testing::EndsWith("appended\n"));
    EXPECT_THAT(file_text(result.upper / "usr/etc/rtnode-sample.conf"), testing::EndsWith("appended\n"))
        << "etc is the tree's own";
    EXPECT_EQ(state_of(base()), before) << "nor through a hard link";
}

TEST_F(Sandbox, LeavesNoProcessAndNoMountBehind) {
    const auto mounts = file_text("/proc/self/mountinfo");
    assembly.install = {package("bad/leaves-daemon.rpm")};
    assemble::assemble(assembly, heard);
    EXPECT_THAT(processes(), testing::Not(Contains(HasSubstr("sleep infinity"))));
    EXPECT_EQ(file_text("/proc/self/mountinfo"), mounts);
}

TEST_F(Sandbox, KilledByOthersIsAnErrorOfItsOwn) {
    assembly.install = {package("bad/hangs-in-post.rpm")};
    // Asked while the scriptlet hangs: kills our child, as the kernel does when memory runs out.
    heard.cancel = [](const std::vector<std::string>&) {
        if (processes().contains("sleep infinity ")) {
            std::ifstream children("/proc/self/task/" + std::to_string(getpid()) + "/children");
            for (pid_t child = 0; children >> child;)
                kill(child, SIGKILL);
        }
        return false;
    };
    EXPECT_EQ(failure().reason(), Reason::WorkerDied);
    EXPECT_TRUE(comes_true([] { return !processes().contains("sleep infinity "); }));
}

TEST_F(Sandbox, DiesWithItsWorker) {
    const auto mounts = file_text("/proc/self/mountinfo");
    assembly.install = {package("bad/hangs-in-post.rpm")};
    const auto worker = fork();
    if (worker == 0) {
        try {
            assemble::assemble(assembly, heard);
        } catch (const std::exception&) {
            _exit(1);
        }
        _exit(0);
    }
    const auto hanging = [] { return processes().contains("sleep infinity "); };
    ASSERT_TRUE(comes_true(hanging)) << "the scriptlet runs";
    kill(worker, SIGKILL);
    ASSERT_EQ(waitpid(worker, nullptr, 0), worker);

    EXPECT_TRUE(comes_true([&] { return !hanging(); }));
    EXPECT_EQ(file_text("/proc/self/mountinfo"), mounts);
    fs::remove_all(folder); // nothing holds it
    EXPECT_FALSE(fs::exists(folder));
}
