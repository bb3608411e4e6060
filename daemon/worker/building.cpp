#include "worker/building.hpp"

#include "assemble/assembly.hpp"
#include "ostree/base.hpp"
#include "ostree/pkgcache.hpp"
#include "worker/failpoint.hpp"
#include "worker/kernel_checks.hpp"

#include <algorithm>

namespace fs = std::filesystem;

namespace rtnode::worker {
namespace {

class AssemblyProgress final : public assemble::Progress {
  public:
    explicit AssemblyProgress(Reporter& reporter) : reporter_(reporter) {}
    void step(std::string_view name) override { reporter_.step(std::string(name)); }
    /// Indented, so that who follows the job can tell tools' output from the job's own lines.
    void log(std::string_view line) override { reporter_.log(fmt::format("  {}", line)); }
    void warn(std::string_view line) override { reporter_.warn(std::string(line)); }
    bool cancelled() const override { return canceled(); }

  private:
    Reporter& reporter_;
};

/// Exactly what libostree will copy to /boot. A kernel that only got a new initramfs is still the lower's.
void check_boot_space(const Node& node, const fs::path& lower, const assemble::Assembled& assembled) {
    std::uint64_t need = 0;
    for (const auto* name : {"vmlinuz", "initramfs.img"}) {
        const auto file = fs::path("usr/lib/modules") / assembled.kernel_version / name;
        need += fs::file_size(fs::exists(assembled.upper / file) ? assembled.upper / file : lower / file);
    }
    if (const auto free = node.sysroot.free_boot_bytes(); free < need)
        throw fail(
            Reason::NoSpace,
            "the new kernel and initramfs need {:.1f} MB in {}, which has {:.1f} MB free; drop a deployment that "
            "isn't needed ('ostree admin undeploy INDEX')",
            static_cast<double>(need) / 1e6, node.sysroot.boot_folder().string(), static_cast<double>(free) / 1e6);
}

} // namespace

/// Repositories' packages downloaded and verified; files of the request are that already.
std::vector<PackageFileOnDisk> bring_packages(const Planned& planned, RepositoryKeys& keys,
                                              fetch::Downloader& downloader, DownloadProgress& progress,
                                              Reporter& reporter) {
    std::vector<fetch::Download> downloads;
    for (const auto& package : planned.solution.packages)
        if (!package.file) downloads.push_back(package.download);
    std::vector<fetch::CachedFile> files;
    if (!downloads.empty()) {
        reporter.step("Downloading packages");
        files = downloader.packages(downloads);
        const auto came = progress.summary();
        reporter.end_step(fmt::format("{} packages{}{}", downloads.size(), came.empty() ? "" : ", ", came));
    }
    failpoint("after-download");

    reporter.step("Checking packages");
    std::vector<PackageFileOnDisk> packages;
    auto file = files.begin();
    for (const auto& package : planned.solution.packages) {
        throw_if_canceled();
        if (package.file) {
            packages.push_back(*package.file);
            continue;
        }
        const auto& repository =
            std::find_if(planned.repositories.begin(), planned.repositories.end(),
                         [&](const plan::RepositoryInput& input) { return input.repository.id == package.repository; })
                ->repository;
        auto read = keys.read(file->path, package.nevra, repository, package.repository_signed);
        if (read.nevra != package.nevra)
            throw fail(
                Reason::RepositoryMetadata,
                "repository '{}' ({}) calls a file {}, but it is {}; its metadata is wrong or old, run createrepo_c "
                "there",
                repository.id, repository.defined_at, package.nevra.str(), read.nevra.str());
        if (read.trust == Trust::none)
            reporter.warn(fmt::format(
                "{} of repository '{}' is not signed by a trusted key; taken as {} says", read.nevra.str(),
                repository.id, repository.gpgcheck ? "'allow-unsigned'" : repository.defined_at + " (gpgcheck)"));
        packages.push_back(std::move(read));
        ++file;
    }
    for (const auto& package : packages)
        ostree::check_carried(package);
    reporter.end_step();
    return packages;
}

Built build_tree(const WorkOrder& order, const Node& node, const Planned& planned,
                 const std::vector<PackageFileOnDisk>& packages, const DesiredPackages& desired, const WorkFolder& work,
                 ostree::Transaction& transaction, Reporter& reporter) {
    const auto& plan = planned.plan;
    const auto& solution = planned.solution;
    reporter.step(fmt::format("Checking out tree {}", plan.base_checksum.substr(0, 7)));
    const auto lower = ostree::lower_tree(node.sysroot, plan.base_checksum, work.path());
    reporter.end_step();
    reporter.log("Applying " + desired.summary());
    failpoint("before-assembly");

    assemble::Assembly assembly;
    assembly.lower = lower.folder;
    assembly.work_folder = work.path() / "assembly";
    fs::create_directory(assembly.work_folder);
    assembly.node_etc = node.sysroot.deployment_folder(node.ground.merge) / "etc";
    assembly.install = packages;
    for (const auto& change : solution.changes)
        if (change.kind == PackageChange::Kind::remove) assembly.erase.push_back(*change.before);
    assembly.regenerate_initramfs = plan.regenerates_initramfs;
    assembly.changes_kernel = plan.changes_kernel;
    assembly.dracut_args =
        ostree::initramfs_args(node.sysroot, plan.base_checksum).value_or(std::vector<std::string>{});
    assembly.scriptlet_limit_s = order.scriptlet_limit_s;
    assembly.dracut_limit_s = order.dracut_limit_s;
    AssemblyProgress progress(reporter);
    const auto assembled = assemble::assemble(assembly, progress);
    reporter.end_step();
    failpoint("after-assembly");
    throw_if_canceled();

    if (plan.regenerates_initramfs) check_boot_space(node, assembly.lower, assembled);
    if (plan.changes_kernel)
        check_new_kernel(plan.kernel_demands, order.kernel_checks, plan.kernel_arguments_after, assembled.upper,
                         assembled.kernel_version, [&](const std::string& complaint) { reporter.warn(complaint); });

    reporter.step("Writing OSTree commit");
    ostree::CommitMetadata metadata;
    metadata.version = order.request.version.empty() ? plan.base_version : order.request.version;
    metadata.packages = assembled.packages;
    for (const auto& change : solution.changes) {
        if (change.kind == PackageChange::Kind::remove) metadata.removed.push_back(*change.before);
        if (change.kind == PackageChange::Kind::replace) metadata.replaced.emplace_back(*change.before, *change.after);
    }
    metadata.requested = planned.layered_patterns;
    for (const auto& repository : planned.repositories)
        metadata.repositories.emplace_back(repository.repository.id, repository.files.index.timestamp);
    metadata.state = plan.hash();
    Built built{.checksum = transaction.commit_overlay(plan.base_checksum, assembled.upper, metadata),
                .packages = assembled.packages};
    for (const auto& package : packages)
        transaction.import_package(package, built.checksum);
    transaction.write();
    failpoint("after-commit");
    reporter.end_step();
    return built;
}

} // namespace rtnode::worker
