// Stands in for rtnode-worker where only the queue is under test. It does what the first word of the request's `remove`
// list says:
//   succeed           two steps and a result        fail      an error of the table
//   hang              works until SIGTERM           deaf      hangs and ignores SIGTERM
//   deploy-and-hang   hangs in the deploy step      crash     abort() after writing to stderr
//   leave             exits with 3, saying nothing  read-files  the content of the passed files as result
//   log N             N log lines                   show      the order as result     nonsense  no message at all
//   deployed COMMIT [FROM]  has made that deployment, from that one
// An update shows its order.
// With --clean it appends a line to STATE/cleaned. With --verify STATE/verify.json is its result; without it, it dies.

#include "state/request.hpp"
#include "state/worker_message.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

using namespace rtnode;
using namespace rtnode::worker;

namespace {

void send_text(const std::string& text) {
    ::send(socket_fd, text.data(), text.size(), MSG_NOSIGNAL);
}
void send(const Message& message) {
    send_text(encode(message));
}

std::string read_all(int fd) {
    std::string text;
    char part[4096];
    for (ssize_t n = 0; (n = ::read(fd, part, sizeof part)) > 0;)
        text.append(part, static_cast<std::size_t>(n));
    return text;
}

[[noreturn]] void hang() {
    for (;;)
        ::pause();
}

[[noreturn]] void cancel(int) {
    send(Failure{Reason::Canceled, "canceled"});
    ::_exit(1);
}

int work(const WorkOrder& order) {
    const auto& script = order.request.remove;
    const auto what = order.request.kind == JobKind::update ? "show" : script.at(0);
    std::signal(SIGTERM, cancel);
    send(Step{"Resolving dependencies", 10});
    if (what == "succeed") {
        send(DoneStep{"Resolving dependencies", "2 packages"});
        send(Step{"Deploying", 90});
        send(Deploying{});
        send(DoneStep{"Deploying", {}});
        send(
            Result{R"({"checksum":"abc","staged":true,"freed":12,"plan":{"reboots":1,"warnings":[],)"
                   R"("packages":[{"kind":"replace","after":"a-1-1.noarch"}]},"steps":{"Deploying":0.5},"delta":-3})"});
        return 0;
    }
    if (what == "deployed") {
        nlohmann::json result{{"checksum", script.at(1)}, {"kernel-arguments", nlohmann::json::array()}};
        if (script.size() > 2) result["from"] = script.at(2);
        send(Result{result.dump()});
        return 0;
    }
    if (what == "fail") {
        send(Failure{Reason::NoSuchPackage, "package 'x' is in no enabled repository; see its name"});
        return 1;
    }
    if (what == "hang") hang();
    if (what == "deaf") {
        std::signal(SIGTERM, SIG_IGN);
        send(Step{"Ignoring signals", 11});
        hang();
    }
    if (what == "deploy-and-hang") {
        send(Deploying{});
        send(Step{"Deploying", 90});
        hang();
    }
    if (what == "crash") {
        [[maybe_unused]] const auto n = ::write(2, "assertion failed: out of luck\n", 30);
        std::abort();
    }
    if (what == "leave") return 3;
    if (what == "nonsense") {
        send_text("this is not JSON");
        hang();
    }
    if (what == "log") {
        for (int i = 0; i < std::stoi(script.at(1)); ++i)
            send(Log{"line " + std::to_string(i)});
        send(Result{"{}"});
        return 0;
    }
    if (what == "read-files") {
        nlohmann::json texts = nlohmann::json::array();
        for (std::size_t i = 0; i < order.request.replace.size() + order.request.install.size(); ++i)
            texts.push_back(read_all(first_passed_fd + static_cast<int>(i)));
        send(Result{nlohmann::json{{"files", texts}}.dump()});
        return 0;
    }
    if (what == "show") {
        std::vector<std::string> variables;
        for (char** variable = environ; *variable != nullptr; ++variable)
            variables.emplace_back(*variable);
        std::vector<std::string> descriptors;
        for (int fd = 0; fd < 1024; ++fd)
            if (::fcntl(fd, F_GETFD) >= 0) descriptors.push_back(std::to_string(fd));
        send(Result{nlohmann::json{
            {"order", nlohmann::json(order).dump()}, {"environment", variables}, {"descriptors", descriptors}}
                        .dump()});
        return 0;
    }
    send(Failure{Reason::InvalidArgument, "the stand-in has no script '" + what + "'"});
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto order = nlohmann::json::parse(read_all(order_fd)).get<WorkOrder>();
    if (argc > 1 && std::string(argv[1]) == "--clean") {
        std::ofstream(order.state_dir / "cleaned", std::ios::app) << "cleaned\n";
        return 0;
    }
    if (argc > 1 && std::string(argv[1]) == "--verify") {
        std::ifstream file(order.state_dir / "verify.json");
        if (!file) return 3;
        send(Result{std::string(std::istreambuf_iterator<char>(file), {})});
        return 0;
    }
    return work(order);
}
