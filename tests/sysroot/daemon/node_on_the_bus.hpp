#pragma once
// busctl, the real daemon, the real worker, a real node and web server: the whole of it.

#include "fixture.hpp"
#include "node.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

namespace rtnode::test {

class NodeOnTheBus : public BusTest {
  protected:
    NodeOnTheBus() {
        sysroot = node.sysroot;
        std::filesystem::create_directories(temp.path / "config/repos.d");
        for (const auto* repository : {"repo", "repo2"})
            std::ofstream(temp.path / "config/repos.d" / (std::string(repository) + ".repo"))
                << "[" << repository << "]\nname=" << repository << "\nbaseurl=" << tests::server_url() << repository
                << "\n";
    }

    void start(const std::string& failpoint = {}) {
        Variables variables{{"RTNODE_WORKER", RTNODE_WORKER}, {"G_DEBUG", "fatal-criticals"}};
        if (!failpoint.empty()) variables["RTNODE_FAILPOINT"] = failpoint;
        start_daemon(variables);
    }

    Ran call(const Words& words) const {
        Words all{"--timeout=infinity", "call", "org.rtnode1"};
        all.insert(all.end(), words.begin(), words.end());
        return busctl(all);
    }

    Ran rtnodectl(const Words& words) const {
        Words all{RTNODECTL, "--bus-address", address};
        all.insert(all.end(), words.begin(), words.end());
        return run(all);
    }

    nlohmann::json property(const std::string& path, const std::string& interface, const std::string& name) const {
        return nlohmann::json::parse(
                   busctl({"--json=short", "get-property", "org.rtnode1", path, "org.rtnode1." + interface, name}).out)
            .at("data");
    }

    static std::string nevra_of(const std::string& name) {
        for (const auto* repository : {"repo", "repo2"})
            for (const auto& package : tests::facts().at(repository))
                if (package.at("name") == name) return package.at("nevra");
        throw std::runtime_error("no package " + name);
    }

    tests::TestNode node;
};

} // namespace rtnode::test
