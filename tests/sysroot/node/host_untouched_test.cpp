// A whole kernel swap on a node in a folder has nothing to do with the host: it runs where the host's root is the lower
// layer of an overlay, so that each file that anybody makes, changes or removes shows in the upper; where /run and /dev
// are bare and there is no network, so that no socket, service or loop device can be reached; and with the mount table
// and all kernel settings compared.

#include "disk.hpp"
#include "namespaces.hpp"
#include "node.hpp"
#include "worker_run.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace rtnode;
using namespace rtnode::tests;
using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

// $1 upper and work folders, $2 the disk, $3 the made node, $4 the worker
constexpr auto fence = R"(
set -euo pipefail
root=$1/root
mkdir -p "$1"/upper "$1"/work "$root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$root"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mkdir -p "$root$2" "$root$3"
mount --bind "$2" "$root$2"
mount --bind -o ro "$3" "$root$3"
touch "$root/run/rtnode-worker"
mount --bind "$4" "$root/run/rtnode-worker"
cd "$root"
pivot_root . .
umount --lazy .
mount --make-rshared /
echo ready
exec cat >/dev/null
)";

class Host : public testing::Test {
  protected:
    /// Everything of the host that a job could reach: changed files, /run, /dev, mounts.
    std::string seen() {
        const auto root = fmt::format("/proc/{}/root", host->pid());
        return "files " +
               output_of({"find", (disk.folder / "fence/upper").string(), "-mindepth", "1", "-printf",
                          "%P %y %m %U %G %s %T@ %l\n"}) +
               "run, dev " +
               output_of({"find", root + "/run", root + "/dev", "-xdev", "-printf", "%P %y %m %s %T@ %l\n"}) +
               "mounts " + host->mounts();
    }

    /// All kernel settings that root can change, with their values.
    static std::map<std::string, std::string> settings() {
        std::map<std::string, std::string> found;
        for (const auto& entry : fs::recursive_directory_iterator("/proc/sys")) {
            struct stat facts {};
            if (stat(entry.path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || (facts.st_mode & 0200) == 0)
                continue;
            const auto name = entry.path().string();
            // The kernel's own counters, though they can be written.
            if (name.ends_with("/ns_last_pid") || name.find("/random/") != std::string::npos) continue;
            std::ostringstream text;
            text << std::ifstream(entry.path()).rdbuf(); // some can't be read, which is a value too
            found[name] = text.str();
        }
        return found;
    }

    void run_as_culprit(const std::string& command) { output_of(host->inside({"sh", "-c", command})); }

    Disk disk;
    TestNode node{disk.folder};
    std::unique_ptr<Namespaces> host = std::make_unique<Namespaces>(std::vector<std::string>{
        "unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--propagation", "private", "bash", "-c",
        fence, "fence", (disk.folder / "fence").string(), disk.folder.string(), made_node().string(), RTNODE_WORKER});
};

} // namespace

TEST_F(Host, IsUntouchedByAKernelSwapOnANodeInAFolder) {
    Request request;
    request.kernel = "rt";
    request.install = {(made_node() / "bad/touches-host.rpm").string()};
    request.append_kernel_arguments = {"isolcpus=2-3"};
    auto order = node.order(request);
    for (auto& repository : order.repositories)
        repository.base_urls = {"file://" + (made_node() / repository.id).string()};
    const auto seen_before = seen();
    const auto settings_before = settings();

    const auto run = run_worker(order, {.machine = host.get()});
    ASSERT_TRUE(run.result) << run.why();
    EXPECT_EQ(seen(), seen_before);
    EXPECT_EQ(settings(), settings_before);

    EXPECT_THAT(node.packages(0), Contains(StartsWith("kernel-rt-core-"))) << "it did happen, in the folder";
    EXPECT_EQ(node.kernel_arguments(0).back(), "isolcpus=2-3");
    node.expect_sound();
    node.expect_no_leftovers();
}

// The proof is worth something only if it sees a culprit.
TEST_F(Host, ATouchOfAnythingIsSeen) {
    auto before = seen();
    for (const auto* culprit :
         {"echo x > /etc/planted", "echo x >> /etc/hostname", "rm /etc/shells", "chmod 0700 /boot",
          "mkdir /boot/loader.1", "mkdir -p /usr/lib/modules/6.1-planted", "mkdir /run/ostree-booted",
          "touch /run/systemd-planted", "mknod /dev/loop-planted b 7 0", "mount -t tmpfs tmpfs /mnt",
          "touch /var/planted", "touch /root/planted"}) {
        run_as_culprit(culprit);
        const auto after = seen();
        EXPECT_NE(after, before) << culprit;
        before = after;
    }
    for (const auto* planted : {"/etc/planted", "/var/planted"})
        EXPECT_FALSE(fs::exists(planted)) << "and the real host is out of its reach too: " << planted;
}

TEST_F(Host, AKernelSettingThatChangesIsSeen) {
    const auto before = settings();
    EXPECT_THAT(before.at("/proc/sys/kernel/core_pattern"), testing::Not(""));
    auto name = before.at("/proc/sys/kernel/hostname");
    name.erase(name.find_last_not_of('\n') + 1);
    // A setting of this test's own, in a namespace that ends with it.
    ASSERT_EQ(unshare(CLONE_NEWUTS), 0);
    ASSERT_EQ(sethostname("planted", 7), 0);
    EXPECT_NE(settings(), before);
    ASSERT_EQ(sethostname(name.data(), name.size()), 0);
    EXPECT_EQ(settings(), before);
}
