#pragma once
// What the tests of the assembly share: the throwaway node (RTNODE_NODE, made by tests/support/node/make) as the base,
// and a folder of one's own beside it.

#include "assemble/assembly.hpp"
#include "rpm/database.hpp"
#include "rpm/package_file.hpp"
#include "state/error.hpp"
#include "state/file_text.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace rtnode::test {

namespace fs = std::filesystem;

inline fs::path node() {
    const char* path = std::getenv("RTNODE_NODE");
    if (!path) throw std::runtime_error("RTNODE_NODE is not set: the folder that tests/support/node/make made");
    return path;
}

inline const nlohmann::json& facts() {
    static const auto json = nlohmann::json::parse(std::ifstream(node() / "facts.json"));
    return json;
}

inline fs::path base() {
    return node() / facts().at("deployment").get<std::string>();
}

/// Keeps what was said.
class Heard : public assemble::Progress {
  public:
    void step(std::string_view name) override { steps.emplace_back(name); }
    void log(std::string_view line) override { lines.emplace_back(line); }
    void warn(std::string_view line) override { warnings.emplace_back(line); }
    bool cancelled() const override { return cancel && cancel(lines); }

    std::vector<std::string> steps, lines, warnings;
    std::function<bool(const std::vector<std::string>&)> cancel;
};

/// Every entry below a folder with what would betray a write.
inline std::map<std::string, std::string> state_of(const fs::path& folder) {
    std::map<std::string, std::string> state;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        struct stat about {};
        lstat(entry.path().c_str(), &about);
        state[entry.path().string()] = fmt::format("{} {} {} {}.{}", about.st_ino, about.st_mode, about.st_size,
                                                   about.st_ctim.tv_sec, about.st_ctim.tv_nsec);
    }
    return state;
}

class OnNode : public testing::Test {
  protected:
    OnNode() {
        std::string name = (node().parent_path() / "assemble-test-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error("no folder " + name);
        folder = name;
        fs::create_directory(folder / "work");
        assembly.lower = base();
        assembly.work_folder = folder / "work";
        assembly.dracut_args = {"--no-hostonly"};
    }
    ~OnNode() override {
        if (!std::getenv("KEEP")) fs::remove_all(folder);
    }

    PackageFileOnDisk package(const std::string& file) const {
        return rpm::read_package(node() / file, file, rpm::Keyring(), {.allow_unsigned = true});
    }

    /// A package of the base by name.
    Nevra in_base(const std::string& name) const {
        for (const auto& text : facts().at("base_packages"))
            if (const auto nevra = Nevra::parse(text.get<std::string>()); nevra.name == name) return nevra;
        throw std::runtime_error("not in the base: " + name);
    }

    /// A checkout has no etc, var, boot …: only what was committed. (A copy here: a real one has hard links into the
    /// node's repository, which other tests share.) @return the assembly's new lower
    fs::path work_on_checkout() {
        const auto checkout = folder / "checkout";
        fs::create_directory(checkout);
        fs::copy(base() / "usr", checkout / "usr", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
        for (const auto* link : {"bin", "sbin", "lib", "lib64"})
            fs::create_directory_symlink(std::string("usr/") + link, checkout / link);
        return assembly.lower = checkout;
    }

    /// NAME-VERSION-1.noarch, unsigned. @param rest of its spec file, further tags first
    PackageFileOnDisk built(const std::string& name, const std::string& rest, const std::string& version = "1") const {
        const auto spec = folder / (name + ".spec");
        std::ofstream(spec) << "Name: " << name << "\nVersion: " << version
                            << "\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n"
                            << rest << "%description\nx\n";
        const auto command = "rpmbuild -bb --quiet --define '_topdir " + (folder / "rpmbuild").string() +
                             "' --define '_buildshell /bin/bash' " + spec.string() + " >/dev/null 2>&1";
        if (std::system(command.c_str()) != 0) throw std::runtime_error("rpmbuild");
        const auto file = folder / "rpmbuild/RPMS/noarch" / fmt::format("{}-{}-1.noarch.rpm", name, version);
        return rpm::read_package(file, file.string(), rpm::Keyring(), {.allow_unsigned = true});
    }

    void swap_kernel() {
        const auto evr = facts().at("kernels").at("rt_new").at("evr").get<std::string>();
        for (const auto* name : {"kernel-rt-core", "kernel-rt-modules", "kernel-rt-modules-extra"})
            assembly.install.push_back(package(fmt::format("repo/{}-{}.x86_64.rpm", name, evr)));
        for (const auto* name : {"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"})
            assembly.erase.push_back(in_base(name));
        assembly.changes_kernel = assembly.regenerate_initramfs = true;
    }

    PackageFileOnDisk newer_microcode() const {
        for (const auto& entry : fs::directory_iterator(node() / "repo"))
            if (entry.path().filename().string().starts_with("microcode_ctl-"))
                return package("repo/" + entry.path().filename().string());
        throw std::runtime_error("no microcode_ctl in repo/");
    }

    /// The error with which the assembly fails.
    Error failure() {
        try {
            assemble::assemble(assembly, heard);
        } catch (const Error& error) {
            return error;
        }
        return Error(Reason::Internal, "it did not fail");
    }

    fs::path folder;
    assemble::Assembly assembly;
    Heard heard;
};

} // namespace rtnode::test
