#include "assemble/stages.hpp"

#include "assemble/initramfs.hpp"
#include "assemble/kernel.hpp"
#include "assemble/new_file.hpp"
#include "assemble/root.hpp"
#include "rpm/database.hpp"
#include "rpm/transaction.hpp"
#include "state/unique_fd.hpp"

#include <fcntl.h>
#include <nss.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <system_error>

namespace rtnode::assemble {
namespace {

namespace fs = std::filesystem;

constexpr const char* database = "/usr/share/rpm";

void set_environment() {
    clearenv();
    setenv("PATH", "/usr/sbin:/usr/bin", 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("HOME", "/root", 1);
    setenv("SYSTEMD_OFFLINE", "1", 1);       // systemctl edits links and talks to nobody
    setenv("KERNEL_INSTALL_BYPASS", "1", 1); // for a kernel-install that can't be masked
}

int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/// Runs `body` in a child without privileges; what it throws is reported. @returns when it went well, else ends
/// this process: the other end knows why.
void in_child(Channel& channel, const char* what, const std::function<void()>& body) {
    const auto child = fork();
    if (child < 0)
        throw fail(Reason::SandboxUnavailable, "no process for {} could be made: {}", what, std::strerror(errno));
    if (child == 0) {
        close(result_fd);
        try {
            body();
            _exit(0);
        } catch (const Error& error) {
            channel.error(error, error.reason() == Reason::ScriptletFailed);
        } catch (const std::exception& error) {
            channel.error(fail(Reason::Internal, "{} failed: {}", what, error.what()), false);
        }
        _exit(1);
    }
    const int status = wait_for(child);
    if (WIFSIGNALED(status))
        throw fail(Reason::TransactionFailed, "{} was killed by signal {}; the kernel's journal may say why", what,
                   WTERMSIG(status));
    if (status != 0) _exit(1);
}

/// What scriptlets left running ends here; as pid 1 we may kill all others at once.
void end_leftovers() {
    kill(-1, SIGKILL);
    while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
}

class Events final : public rpm::TransactionEvents {
  public:
    explicit Events(Channel& channel) : channel_(channel) {}
    void step(std::string_view name) noexcept override { channel_.step(name); }
    void scriptlet_began(const std::string& what) noexcept override { channel_.began(what, Limit::scriptlets); }
    void scriptlet_ended(const std::string& what) noexcept override { channel_.ended(what); }
    void scriptlet_failed(const std::string& text) noexcept override { channel_.warn(text); }
    void log(std::string_view line) noexcept override { channel_.log(line); }

  private:
    Channel& channel_;
};

/// As rpm-ostree did up to 2023: one file a package; it goes with the package, since every change starts at the base.
void write_tmpfiles(const SandboxSpec& spec) {
    const fs::path folder = "/usr/lib/tmpfiles.d";
    for (const auto& nevra : spec.erase)
        fs::remove(folder / ("pkg-" + nevra.name + ".conf"));
    for (const auto& [name, lines] : spec.tmpfiles) {
        fs::create_directories(folder);
        write_new_file(folder / ("pkg-" + name + ".conf"), lines);
    }
}

/// Copies to a new file: the old one may be the base's.
void install_file(const fs::path& from, const fs::path& to, mode_t mode) {
    fs::remove(to);
    const UniqueFd in(open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    const UniqueFd out(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!in || !out)
        throw fail(errno == ENOSPC ? Reason::NoSpace : Reason::TransactionFailed, "'{}' could not be made: {}",
                   to.string(), std::strerror(errno));
    for (;;) {
        const auto copied = sendfile(out.get(), in.get(), nullptr, 16 << 20);
        if (copied == 0) break;
        if (copied < 0)
            throw fail(errno == ENOSPC ? Reason::NoSpace : Reason::TransactionFailed,
                       "'{}' could not be written: {}; free space below /sysroot and try again", to.string(),
                       std::strerror(errno));
    }
    if (fchmod(out.get(), mode) != 0)
        throw fail(Reason::TransactionFailed, "the mode of '{}' could not be set: {}", to.string(),
                   std::strerror(errno));
}

/// Of what lies in /boot only what a package ships; its scriptlets' files there are this run's.
void keep_boot_files(const SandboxSpec& spec) {
    for (const auto& path : spec.boot_files) {
        struct stat facts {};
        if (lstat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue; // a scriptlet removed it
        const fs::path kept = "/usr/lib/ostree-boot" + path.substr(std::string_view("/boot").size());
        fs::create_directories(kept.parent_path());
        install_file(path, kept, facts.st_mode & 07777);
    }
}

void transact(const SandboxSpec& spec, Channel& channel) {
    in_child(channel, "rpm", [&] {
        // librpm asks for owners in this process: other modules of the tree's nsswitch.conf would be loaded into it
        // and want their daemons.
        __nss_configure_lookup("passwd", "files altfiles");
        __nss_configure_lookup("group", "files altfiles");
        mask_programs(spec.unmasked);
        drop_privileges();
        rpm::Transaction transaction;
        transaction.database = database;
        transaction.erase = spec.erase;
        for (std::size_t i = 0; i < spec.install.size(); ++i)
            transaction.install.push_back({first_package_fd + static_cast<int>(i), spec.install[i]});
        Events events(channel);
        rpm::run(transaction, events);
    });
    end_leftovers();
}

/// Runs a program of the tree. @returns its exit status as a shell would say it
int run_program(Channel& channel, const std::string& name, const std::vector<std::string>& arguments) {
    channel.began(name, Limit::dracut);
    const auto child = fork();
    if (child < 0)
        throw fail(Reason::SandboxUnavailable, "no process for {} could be made: {}", name, std::strerror(errno));
    if (child == 0) {
        std::vector<char*> pointers;
        std::vector<std::string> words{name};
        words.insert(words.end(), arguments.begin(), arguments.end());
        for (auto& word : words)
            pointers.push_back(word.data());
        pointers.push_back(nullptr);
        try {
            drop_privileges();
        } catch (const Error& error) {
            channel.error(error, false);
            _exit(126);
        }
        execvp(name.c_str(), pointers.data());
        dprintf(2, "%s: %s\n", name.c_str(), std::strerror(errno));
        _exit(127);
    }
    const int status = wait_for(child);
    channel.ended(name);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// A failure of a program whose last output belongs into the message.
[[noreturn]] void program_failed(Channel& channel, const Error& error) {
    channel.error(error, true);
    _exit(1);
}

void run_depmod(Channel& channel, const std::string& kver) {
    // Scriptlets ran it before all modules were there (rpm's order), so once more, at the end.
    if (const int status = run_program(channel, "depmod", {"-a", kver}); status != 0)
        program_failed(channel, fail(Reason::TransactionFailed, "depmod failed for the kernel '{}' (exit status {})",
                                     kver, status));
}

void make_initramfs(const SandboxSpec& spec, Channel& channel, const std::string& kver) {
    channel.step("Generating initramfs");
    const fs::path folder = "/var/tmp/rtnode-dracut", image = "/var/tmp/rtnode-initramfs.img";
    fs::create_directory(folder);
    std::vector<std::string> arguments{"--reproducible", "--add", "ostree",       "--tmpdir",
                                       folder.string(),  "-f",    image.string(), "--no-hostonly"};
    if (!spec.dracut_args.empty()) {
        arguments.pop_back();
        arguments.insert(arguments.end(), spec.dracut_args.begin(), spec.dracut_args.end());
    }
    arguments.insert(arguments.end(), {"--kver", kver});
    setenv("DRACUT_NO_MKNOD", "1", 1); // without CAP_MKNOD; append_random_devices() makes up for it
    if (const int status = run_program(channel, "dracut", arguments); status != 0)
        program_failed(channel, fail(Reason::InitramfsFailed,
                                     "dracut could not make the initramfs of kernel '{}' (exit status {}); the node is "
                                     "unchanged, the job's log has all of its output",
                                     kver, status));
    end_leftovers();
    // dracut may say that it went well when it did not (rpm-ostree #5261): what counts is what is in it.
    const auto content = read_initramfs(image);
    check_initramfs(content, kver);
    const bool one_host =
        std::any_of(spec.dracut_args.begin(), spec.dracut_args.end(),
                    [](const std::string& argument) { return argument == "-H" || argument == "--hostonly"; });
    if (spec.changes_microcode) check_microcode(content, "/", kver, one_host);
    append_random_devices(image);
    install_file(image, fs::path("/usr/lib/modules") / kver / "initramfs.img", 0600);
    fs::remove(image);
}

void require_initramfs(const std::string& kver) {
    const auto folder = fs::path("/usr/lib/modules") / kver;
    for (const auto* name : {"initramfs.img", "initramfs"})
        if (fs::is_regular_file(fs::symlink_status(folder / name))) return;
    throw fail(Reason::InitramfsFailed, "the new tree's kernel '{}' has no initramfs ('{}/initramfs.img')", kver,
               folder.string());
}

/// shadow-utils' locks and backups; an OSTree commit ships none that the base didn't.
const std::array<const char*, 8> account_leftovers{".pwd.lock", "passwd-", "group-",  "shadow-",
                                                   "gshadow-",  "subuid-", "subgid-", ".updated"};

std::set<std::string> account_files() {
    std::set<std::string> present;
    for (const auto* name : account_leftovers)
        if (fs::exists(fs::symlink_status(fs::path("/etc") / name))) present.insert(name);
    return present;
}

} // namespace

SandboxResult run_stages(const SandboxSpec& spec, Channel& channel) try {
    // Neither we nor librpm's process may be traced by a scriptlet, which has the same user and capabilities.
    prctl(PR_SET_DUMPABLE, 0);
    set_environment();
    const auto kernels_before = kernels_in("/");
    const auto accounts_before = account_files();
    if (!spec.install.empty() || !spec.erase.empty()) {
        const TreeAccounts accounts("/", spec.node_accounts);
        transact(spec, channel);
        accounts.keep();
    }
    for (const auto& name : account_files())
        if (!accounts_before.contains(name)) fs::remove(fs::path("/etc") / name);
    write_tmpfiles(spec);
    keep_boot_files(spec);
    remove_stale_modules("/", kernels_before);

    SandboxResult result;
    result.kernel_version = only_kernel("/");
    if (spec.changes_kernel) {
        run_depmod(channel, result.kernel_version);
        mend_kernel_digest("/", result.kernel_version);
    }
    if (spec.regenerate_initramfs) make_initramfs(spec, channel, result.kernel_version);
    require_initramfs(result.kernel_version);

    const rpm::DatabaseCopy copy(database, "/tmp"); // reading in place would leave side files in the tree
    for (auto& package : rpm::installed_packages(copy.folder()))
        result.packages.push_back(std::move(package.nevra));
    return result;
} catch (const fs::filesystem_error& error) {
    throw fail(error.code() == std::errc::no_space_on_device ? Reason::NoSpace : Reason::TransactionFailed,
               "the new tree could not be completed: {}", error.what());
}

} // namespace rtnode::assemble
