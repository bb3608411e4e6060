#include "assemble/assembly.hpp"

#include "assemble/channel.hpp"
#include "assemble/outside_usr.hpp"
#include "assemble/sandbox_process.hpp"
#include "state/error.hpp"
#include "state/file_text.hpp"

#include <algorithm>
#include <set>
#include <system_error>

namespace rtnode::assemble {
namespace {

namespace fs = std::filesystem;

SandboxSpec spec_of(const Assembly& assembly) {
    SandboxSpec spec;
    spec.parent = getpid();
    spec.lower = assembly.lower;
    spec.upper = assembly.work_folder / "upper";
    spec.work = assembly.work_folder / "work";
    spec.merged = assembly.work_folder / "merged";
    std::set<std::string> shipped;
    for (const auto& package : assembly.install) {
        spec.install.push_back(package.nevra);
        if (auto lines = tmpfiles_of(package); !lines.empty()) spec.tmpfiles[package.nevra.name] = std::move(lines);
        spec.opt.merge(opt_folders_of(package));
        for (auto& path : boot_files_of(package))
            spec.boot_files.push_back(std::move(path));
        spec.changes_microcode = spec.changes_microcode || package.has_microcode();
        for (const auto& file : package.files)
            if (file.path.find("bin/") != std::string::npos) shipped.insert(file.path);
    }
    spec.unmasked.assign(shipped.begin(), shipped.end());
    if (!assembly.node_etc.empty())
        for (const std::string name : {"passwd", "group"})
            if (auto text = file_text(assembly.node_etc / name); !text.empty())
                spec.node_accounts[name] = std::move(text);
    spec.erase = assembly.erase;
    spec.changes_kernel = assembly.changes_kernel;
    spec.regenerate_initramfs = assembly.regenerate_initramfs;
    spec.dracut_args = assembly.dracut_args;
    return spec;
}

void make_folders(const SandboxSpec& spec) {
    for (const auto& folder : {spec.upper, spec.work, spec.merged}) {
        std::error_code error;
        fs::create_directory(folder, error);
        if (!error) fs::permissions(folder, fs::perms{0755}, error); // the upper's mode becomes the tree's root's
        if (error)
            throw fail(error == std::errc::no_space_on_device ? Reason::NoSpace : Reason::OverlayUnavailable,
                       "the folder '{}' for the new tree could not be made: {}", folder.string(), error.message());
    }
}

/// Mount points that the base didn't have, and what a package put outside /usr, which a tree can't hold.
void keep_usr_only(const fs::path& upper, Progress& progress) {
    std::vector<fs::path> others;
    for (const auto& entry : fs::directory_iterator(upper))
        if (entry.path().filename() != "usr") others.push_back(entry.path());
    for (const auto& other : others) {
        std::error_code error;
        if (fs::is_directory(fs::symlink_status(other)) && fs::is_empty(other)) {
            fs::remove(other, error);
            continue;
        }
        progress.log(fmt::format("left out: /{} lies outside /usr", other.filename().string()));
        fs::remove_all(other, error);
    }
}

} // namespace

Assembled assemble(const Assembly& assembly, Progress& progress) {
    const auto spec = spec_of(assembly);
    make_folders(spec);
    for (const auto& package : assembly.install)
        for (const auto& path : left_out_of(package))
            progress.log(fmt::format("left out: {} of {}: a tree holds nothing there", path, package.nevra.str()));
    SandboxProcess process(spec, assembly);
    const auto result = process.wait(progress);
    keep_usr_only(spec.upper, progress);
    fs::remove(spec.merged);
    return {spec.upper, result.kernel_version, result.packages, process.peak_memory()};
}

} // namespace rtnode::assemble
