#include "fixture.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace rtnode::test {
namespace {

/// Like the system bus: everybody may connect and call, replies and signals pass.
constexpr const char* bus_configuration =
    R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=@FOLDER@/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.projectatomic.rpmostree1"/>
    <allow send_destination="org.projectatomic.rpmostree1"/>
  </policy>
  <include>@POLICY@</include>
  <include ignore_missing="yes">/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf</include>
</busconfig>
)";

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

std::string content(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// Waits until the file has that text, by inotify.
void wait_for_text(const std::filesystem::path& path, const std::string& text) {
    const int fd = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(fd, path.parent_path().c_str(), IN_CREATE | IN_MODIFY);
    char events[4096];
    while (content(path).find(text) == std::string::npos) {
        pollfd p{fd, POLLIN, 0};
        if (poll(&p, 1, 30'000) <= 0 || read(fd, events, sizeof events) < 0)
            throw std::runtime_error(path.string() + " never said " + text);
    }
    close(fd);
}

} // namespace

BusTest::BusTest() {
    sysroot = temp.path / "sysroot";
    std::filesystem::permissions(temp.path, std::filesystem::perms(0755)); // other users' clients come here, too
    for (const auto* folder : {"sysroot", "config"})
        std::filesystem::create_directory(temp.path / folder);
    std::ofstream(temp.path / "bus.conf")
        << replaced(replaced(bus_configuration, "@FOLDER@", temp.path.string()), "@POLICY@", BUS_POLICY);
    address = "unix:path=" + (temp.path / "bus").string();
    bus = std::make_unique<Process>(
        Words{"dbus-daemon", "--nofork", "--print-address", "--config-file=" + (temp.path / "bus.conf").string()},
        temp.path / "bus.log");
    wait_for_text(temp.path / "bus.log", "unix:path="); // printed once it listens
    connection = sdbus::createSessionBusConnectionWithAddress(address);
    connection->enterEventLoopAsync();
}

BusTest::~BusTest() {
    manager.reset();
    daemon.reset();
    connection->leaveEventLoop();
    if (HasFailure())
        std::fprintf(stderr, "--- the daemon's log:\n%s--- the bus's:\n%s", log().c_str(), file("bus.log").c_str());
}

Words BusTest::daemon_command(const std::string& state) const {
    return {RTNODED,       "--sysroot",       sysroot,    "--bus-address",     address,
            "--state-dir", temp.path / state, "--config", temp.path / "config"};
}

void BusTest::start_daemon(const Variables& variables) {
    Variables all = variables;
    all.try_emplace("RTNODE_WORKER", STAND_IN_WORKER);
    // Its name is taken last: who sees it sees all objects.
    auto bus_proxy = sdbus::createProxy(*connection, "org.freedesktop.DBus", "/org/freedesktop/DBus");
    Watched watched;
    bool there = false;
    bus_proxy->uponSignal("NameOwnerChanged")
        .onInterface("org.freedesktop.DBus")
        .call([&](const std::string& name, const std::string&, const std::string& owner) {
            watched.change([&] { there = there || (name == "org.rtnode1" && !owner.empty()); });
        });
    bus_proxy->finishRegistration();
    daemon = std::make_unique<Process>(daemon_command(), temp.path / "daemon.log", all);
    const bool came = watched.wait([&] { return there; });
    bus_proxy->unregister();
    if (!came) throw std::runtime_error("the daemon did not come up:\n" + log());
    manager = std::make_unique<Manager>(*connection);
}

int BusTest::stop_daemon(int signal) {
    daemon->signal(signal);
    const int status = daemon->wait();
    daemon.reset();
    return status;
}

Ran BusTest::busctl(const Words& words, const Words& in_front) const {
    Words command = in_front;
    command.insert(command.end(), {"busctl", "--address=" + address});
    command.insert(command.end(), words.begin(), words.end());
    return run(command);
}

std::string BusTest::file(const std::string& name) const {
    return content(temp.path / name);
}

std::string BusTest::log() const {
    return file("daemon.log");
}

void BusTest::wait_for_job_log(unsigned job, const std::string& text) const {
    wait_for_text(temp.path / "state/jobs" / (std::to_string(job) + ".log"), text);
}

sdbus::Error BusTest::error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const sdbus::Error& e) {
        return e;
    }
    return sdbus::Error("none", "the call went well");
}

} // namespace rtnode::test
