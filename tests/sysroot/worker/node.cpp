#include "node.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;
namespace fs = std::filesystem;

namespace rtnode::tests {

namespace {

struct Finished {
    int status = 0;
    std::string output;
};

pid_t spawn(const std::vector<std::string>& command, int output) {
    std::vector<char*> arguments;
    for (const auto& word : command)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    pid_t child = -1;
    const int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("cannot start " + command.front());
    return child;
}

Finished finish(const std::vector<std::string>& command) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const auto child = spawn(command, ends[1]);
    close(ends[1]);
    Finished finished;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
        finished.output.append(buffer.data(), static_cast<std::size_t>(got));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return finished;
}

std::string script(const char* name) {
    return std::string(RTNODE_NODE_SCRIPTS) + "/" + name;
}

/// nginx by the throwaway node's own script; it ends with the thread that started it.
struct Server {
    std::string url, https_url;
    std::unique_ptr<FILE, int (*)(FILE*)> stream{nullptr, fclose};
    Server() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        spawn({script("serve"), made_node().string(), "0"}, ends[1]);
        close(ends[1]);
        stream.reset(fdopen(ends[0], "r"));
        for (auto* line_of : {&url, &https_url}) {
            std::array<char, 256> line{};
            if (fgets(line.data(), line.size(), stream.get()) == nullptr)
                throw std::runtime_error("nginx did not start");
            *line_of = line.data();
            line_of->erase(line_of->find_last_not_of("\n") + 1);
        }
    }
};

const Server& server() {
    static const Server server;
    return server;
}

} // namespace

std::string output_of(const std::vector<std::string>& command) {
    const auto finished = finish(command);
    EXPECT_EQ(finished.status, 0) << fmt::format("{}", fmt::join(command, " ")) << "\n" << finished.output;
    return finished.output;
}

int status_of(const std::vector<std::string>& command) {
    return finish(command).status;
}

std::string contract() {
    return script("../contract/compare");
}

const fs::path& made_node() {
    static const fs::path path = [] {
        const char* named = std::getenv("RTNODE_NODE");
        if (named == nullptr || !fs::exists(fs::path(named) / "facts.json"))
            throw std::runtime_error(
                "RTNODE_NODE names no throwaway node; tests/run makes one, or tests/support/node/make");
        return fs::path(named);
    }();
    return path;
}

const nlohmann::json& facts() {
    static const auto json = nlohmann::json::parse(file_text(made_node() / "facts.json"));
    return json;
}

const std::string& server_url() {
    return server().url;
}
const std::string& server_https_url() {
    return server().https_url;
}

namespace {

std::string package_file(const std::string& nevra) {
    for (const auto* repository : {"repo", "repo2"})
        for (const auto& package : facts().at(repository))
            if (package.at("nevra") == nevra) return package.at("file");
    throw std::runtime_error("the throwaway node has no package " + nevra);
}

} // namespace

std::string package_path(const std::string& nevra) {
    return (made_node() / package_file(nevra)).string();
}
std::string package_url(const std::string& nevra) {
    return server_url() + package_file(nevra);
}

namespace {

/// Jobs end with a syncfs(2), which on a disk waits for the copy made here and for whatever else is being written;
/// tests/run gives a file system in memory.
fs::path usual_disk() {
    const char* scratch = std::getenv("RTNODE_SCRATCH");
    return scratch != nullptr ? fs::path(scratch) : made_node().parent_path();
}

} // namespace

TestNode::TestNode() : TestNode(usual_disk()) {}

TestNode::TestNode(const fs::path& disk) {
    auto pattern = (disk / "test-node-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    folder = pattern;
    sysroot = folder / "sysroot";
    output_of({script("copy-sysroot"), (made_node() / "sysroot").string(), sysroot.string()});
}

TestNode::~TestNode() {
    if (testing::Test::HasFailure() && std::getenv("RTNODE_KEEP") != nullptr) {
        fmt::print("kept for a look: {}\n", folder.string());
        return;
    }
    status_of({script("remove-sysroot"), sysroot.string()});
    std::error_code error;
    fs::remove_all(folder, error);
}

WorkOrder TestNode::order(Request request) const {
    WorkOrder order;
    order.job = 1;
    order.request = std::move(request);
    order.sysroot = sysroot;
    order.state_dir = folder / "state";
    order.cache_dir = folder / "cache";
    order.private_node = true;
    order.lock_wait_s = 1;
    for (const auto* name : {"repo", "repo2"})
        order.repositories.push_back(
            {.id = name, .name = name, .base_urls = {server_url() + name}, .defined_at = "test"});
    return order;
}

std::string TestNode::repo() const {
    return "--repo=" + (sysroot / "ostree/repo").string();
}

std::vector<fs::path> TestNode::deployments() const {
    std::istringstream lines(output_of({"ostree", "admin", "status", "--sysroot=" + sysroot.string()}));
    std::vector<fs::path> folders;
    for (std::string line; std::getline(lines, line);) {
        // "  rhcos CHECKSUM.SERIAL (pending)", with '*' in front of the booted one
        std::istringstream words(line.starts_with('*') ? line.substr(1) : line);
        std::string stateroot, name;
        if (words >> stateroot >> name && name.size() > 65 && name[64] == '.')
            folders.push_back(sysroot / "ostree/deploy" / stateroot / "deploy" / name);
    }
    return folders;
}

std::string TestNode::checksum(std::size_t index) const {
    return deployments().at(index).filename().string().substr(0, 64);
}

std::string TestNode::origin(std::size_t index) const {
    return file_text(deployments().at(index).string() + ".origin");
}

fs::path TestNode::rpmdb(std::size_t index) const {
    const auto copy = folder / ("rpmdb-look-" + std::to_string(index));
    fs::remove_all(copy);
    fs::copy(deployments().at(index) / "usr/share/rpm", copy);
    return copy;
}

std::vector<std::string> TestNode::packages(std::size_t index) const {
    std::istringstream lines(output_of({"rpm", "--dbpath", rpmdb(index).string(), "-qa", "--qf",
                                        "%{name}-%|epoch?{%{epoch}:}|%{version}-%{release}.%{arch}\n"}));
    std::vector<std::string> names;
    for (std::string line; std::getline(lines, line);)
        if (!line.starts_with("gpg-pubkey-")) names.push_back(line);
    std::sort(names.begin(), names.end());
    return names;
}

std::string TestNode::boot_entry(std::size_t index) const {
    // ostree numbers its entries the other way round: the highest is booted first.
    std::map<std::string, std::string, std::greater<>> entries;
    for (const auto& entry : fs::directory_iterator(sysroot / "boot/loader/entries"))
        entries.emplace(entry.path().filename().string(), file_text(entry.path()));
    return std::next(entries.begin(), static_cast<std::ptrdiff_t>(index))->second;
}

std::vector<std::string> TestNode::kernel_arguments(std::size_t index) const {
    std::istringstream lines(boot_entry(index));
    std::vector<std::string> arguments;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("options ")) continue;
        std::istringstream words(line.substr(8));
        for (std::string word; words >> word;)
            if (!word.starts_with("ostree=")) arguments.push_back(word);
    }
    return arguments;
}

std::string TestNode::refs() const {
    const auto heads = sysroot / "ostree/repo/refs/heads";
    std::map<std::string, std::string> commits;
    for (const auto& entry : fs::recursive_directory_iterator(heads))
        if (entry.is_regular_file())
            commits.emplace(fs::relative(entry.path(), heads).string(), file_text(entry.path()));
    std::string text;
    for (const auto& [ref, commit] : commits)
        // libostree's own (ostree/BOOTVERSION/…) move with each swap of the boot links.
        if (!ref.starts_with("ostree/")) text += ref + "\t" + commit;
    return text;
}

std::string TestNode::metadata(const std::string& commit, const std::string& key) const {
    auto text = output_of({"ostree", repo(), "show", "--print-metadata-key=" + key, commit});
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
}

std::string TestNode::state() const {
    std::ostringstream text;
    const auto folders = deployments();
    for (const auto& deployment : folders)
        text << deployment.filename().string() << "\n" << file_text(deployment.string() + ".origin") << "\n";
    for (std::size_t index = 0; index < folders.size(); ++index)
        text << boot_entry(index) << "\n";
    text << refs();
    return text.str();
}

void TestNode::expect_sound() const {
    const auto finished = finish({"ostree", repo(), "fsck"});
    EXPECT_EQ(finished.status, 0) << finished.output;
    for (const auto& entry : fs::directory_iterator(sysroot / "ostree/repo/state"))
        EXPECT_NE(entry.path().extension(), ".commitpartial") << entry.path();
}

void TestNode::expect_no_leftovers() const {
    for (const auto& entry : fs::directory_iterator(sysroot / "ostree/repo/tmp"))
        EXPECT_FALSE(entry.path().filename().string().starts_with("rtnode-")) << entry.path();
    EXPECT_EQ(refs().find("rtnode/tmp"), std::string::npos) << refs();
    EXPECT_EQ(file_text("/proc/self/mounts").find(sysroot.string()), std::string::npos);
}

} // namespace rtnode::tests
