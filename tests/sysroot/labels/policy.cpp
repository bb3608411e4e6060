#include "policy.hpp"

#include "fixture.hpp"

#include <set>
#include <sstream>

namespace fs = std::filesystem;

namespace rtnode::tests {
namespace {

const std::string place = "usr/etc/selinux/default";

std::string tool(const std::string& name) {
    return (policy_folder() / "tools" / name).string();
}

std::string file_contexts(const fs::path& tree) {
    return (tree / place / "contexts/files/file_contexts").string();
}

} // namespace

const fs::path& policy_folder() {
    static const fs::path folder = [] {
        ostree::run(std::string(RTNODE_NODE_SCRIPTS) + "/selinux-policy " RTNODE_SELINUX_POLICY);
        return fs::path(RTNODE_SELINUX_POLICY);
    }();
    return folder;
}

void put_policy_into(const fs::path& tree) {
    fs::create_directories(tree / "usr/etc");
    fs::copy(policy_folder() / "selinux", tree / "usr/etc/selinux", fs::copy_options::recursive);
}

void label(const fs::path& tree, EtcLabels etc) {
    const auto setfiles = tool("sbin/setfiles") + " -F -r ";
    ostree::run(setfiles + tree.string() + " " + file_contexts(tree) + " " + tree.string());
    const auto usr = (tree / "usr").string();
    if (etc == EtcLabels::as_etc) ostree::run(setfiles + usr + " " + file_contexts(tree) + " " + usr + "/etc");
}

std::map<std::string, std::string> labels_of(const fs::path& tree, const std::vector<std::string>& paths) {
    std::map<std::string, std::string> labels;
    for (const auto& [mark, type] : {std::pair{'f', "file"}, {'d', "dir"}, {'l', "lnk_file"}}) {
        std::string names;
        for (const auto& path : paths)
            if (path.front() == mark) names += " '" + path.substr(1) + "'";
        if (names.empty()) continue;
        std::istringstream lines(
            ostree::run(tool("usr/sbin/matchpathcon") + " -N -P " + (tree / place).string() + " -m " + type + names));
        for (std::string path, text; std::getline(lines, path, '\t') && std::getline(lines, text);)
            labels[mark + path] = text;
    }
    EXPECT_EQ(labels.size(), std::set<std::string>(paths.begin(), paths.end()).size());
    return labels;
}

std::string wrong_labels(const fs::path& tree, const fs::path& root, const fs::path& path) {
    return ostree::run(tool("sbin/setfiles") + " -n -v -F -r " + root.string() + " " + file_contexts(tree) + " " +
                       path.string());
}

fs::path binary_policy(const fs::path& tree) {
    auto name = ostree::run("ls -v " + (tree / place / "policy").string() + "/policy.* | tail -n1");
    name.pop_back();
    return name;
}

} // namespace rtnode::tests
