#include "ostree/preflight.hpp"

#include "ostree/foreign.hpp"
#include "ostree/origin.hpp"
#include "ostree/pkgcache.hpp"
#include "ostree/sysroot_impl.hpp"
#include "ostree/tree.hpp"
#include "state/file_text.hpp"

#include <algorithm>
#include <elf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

namespace rtnode::ostree {
namespace {

constexpr std::string_view architecture = "x86_64";

/// One raw value of a key file's text; empty when group or key is absent, or it isn't one.
std::string key_in(const std::string& text, const char* group, const char* key) {
    const GKeyFilePtr file(g_key_file_new());
    if (text.empty() || !g_key_file_load_from_data(file.get(), text.data(), text.size(), G_KEY_FILE_NONE, nullptr))
        return {};
    const GStr value(g_key_file_get_value(file.get(), group, key, nullptr));
    return value ? value.get() : "";
}

/// The same of a file that may be absent.
std::string key_value(const std::filesystem::path& path, const char* group, const char* key) {
    return key_in(file_text(path), group, key);
}

bool yes(const std::string& value) {
    return value == "true" || value == "yes" || value == "1";
}

bool can_write_composefs() {
    return std::string_view(" " OSTREE_BUILT_FEATURES " ").find(" composefs ") != std::string_view::npos;
}

/// An error that says what of the deployment or commit can't be written.
using Refuse = std::function<Error(const std::string& what)>;

/// @param text of the prepare-root.conf at `place` @return whether it says anything of composefs
bool check_prepare_root(const std::string& text, const char* place, const Refuse& refuse) {
    const auto composefs = key_in(text, "composefs", "enabled");
    if (composefs == "signed" || composefs == "verity")
        throw refuse(fmt::format("is sealed ('{}' says composefs {})", place, composefs));
    if (yes(composefs) && !can_write_composefs())
        throw refuse(fmt::format("has a composefs root ('{}' says enabled={})", place, composefs));
    if (yes(key_in(text, "root", "transient"))) throw refuse(fmt::format("has a transient root ('{}')", place));
    return !composefs.empty();
}

void check_composefs_digest(OstreeRepo* repo, const std::string& commit, const Refuse& refuse) {
    const auto metadata = commit_metadata(load_commit(repo, commit).get());
    if (const GVariantPtr digest(g_variant_lookup_value(metadata.get(), "ostree.composefs.digest.v0", nullptr)); digest)
        throw refuse("is sealed by a composefs digest in its commit (ostree.composefs.digest.v0)");
}

/// Machine of the ELF file, 0 when it isn't one.
unsigned elf_machine(std::string_view head) {
    if (head.size() < 20 || !head.starts_with("\177ELF")) return 0;
    return static_cast<unsigned char>(head[18]) | static_cast<unsigned>(static_cast<unsigned char>(head[19])) << 8;
}

/// Architecture of a base tree, by the first witness; empty when none speaks.
std::string tree_architecture(const Tree& tree) {
    for (const auto* key : {"ostree.architecture", "coreos-assembler.basearch"})
        if (const auto value = lookup_string(tree.metadata(), key); !value.empty()) return value;
    std::string other;
    for (const auto& package : package_list(tree.metadata())) {
        if (package.arch == architecture) return std::string(architecture);
        if (package.arch != "noarch" && other.empty()) other = package.arch;
    }
    if (!other.empty()) return other;
    for (const auto* path : {"usr/lib/systemd/systemd", "usr/bin/bash", "usr/bin/dash", "usr/bin/true"}) {
        const auto entry = tree.find(path);
        if (!entry || entry->is_folder || !S_ISREG(tree.facts(*entry).mode)) continue;
        const unsigned machine = elf_machine(tree.content(*entry, 64 << 20));
        if (machine == EM_X86_64) return std::string(architecture);
        if (machine == EM_AARCH64) return "aarch64";
        if (machine == EM_PPC64) return "ppc64le";
        if (machine == EM_S390) return "s390x";
        if (machine != 0) return fmt::format("ELF machine {}", machine);
    }
    return {};
}

} // namespace

HostFacts host_facts() {
    HostFacts facts;
    std::error_code error;
    facts.ostree_booted = std::filesystem::exists(OSTREE_PATH_BOOTED, error);
    struct utsname names {};
    if (uname(&names) == 0) facts.machine = names.machine;
    return facts;
}

void check_host(const Sysroot& sysroot, const HostFacts& host) {
    if (sysroot.private_node()) return;
    if (!host.ostree_booted)
        throw fail(Reason::NotOstree,
                   "this host wasn't booted by OSTree ({} is missing); rtnode changes RHEL CoreOS, Fedora "
                   "CoreOS and other OSTree nodes only",
                   OSTREE_PATH_BOOTED);
    if (!sysroot.booted())
        throw fail(Reason::NotBooted,
                   "{} says that OSTree booted this host, but none of its deployments is the root file "
                   "system (a live system, or a container?); run rtnode on the installed node itself",
                   OSTREE_PATH_BOOTED);
    if (host.machine != architecture)
        throw fail(Reason::UnsupportedArchitecture, "this host is {}; rtnode supports {} only", host.machine,
                   architecture);
}

void check_labels(const HostFacts& host) {
    if (host.confined_as.empty()) return;
    throw fail(Reason::SelinuxDomain,
               "SELinux enforces, and as {} this job may not give files the labels of a tree whose policy isn't the "
               "running one; run rtnoded in a domain with mac_admin, as install_t: give its programs the type "
               "install_exec_t in the image, or set SELinuxContext=system_u:system_r:install_t:s0 for rtnoded.service",
               host.confined_as);
}

void check_loader_file_system(const std::filesystem::path& folder, std::uint64_t type) {
    if (type == MSDOS_SUPER_MAGIC)
        throw fail(Reason::UnsupportedBoot,
                   "the boot loader entries in '{}' are on a FAT file system (an EFI system partition), which has no "
                   "symlinks to switch atomically; put /boot on ext4 or xfs",
                   folder.string());
}

void check_loader(const Sysroot& sysroot) {
    struct statfs facts {};
    for (const auto& folder : {sysroot.boot_folder() / "loader", sysroot.boot_folder()})
        if (statfs(folder.c_str(), &facts) == 0)
            check_loader_file_system(folder, static_cast<std::uint64_t>(facts.f_type));
}

void check_root(const Sysroot& sysroot, const Deployment& deployment) {
    const auto refuse = [&](const std::string& what) {
        return fail(Reason::UnsupportedRoot,
                    "deployment {} {}; the libostree here ({}) can't write such a deployment: update "
                    "libostree, or use an image without it",
                    label(deployment), what, OSTREE_VERSION_S);
    };
    const auto folder = sysroot.deployment_folder(deployment);
    for (const auto* place : {"etc/ostree/prepare-root.conf", "usr/lib/ostree/prepare-root.conf"})
        if (check_prepare_root(file_text(folder / place), place, refuse)) break; // the file in /etc wins
    for (const auto& token : deployment.kernel_arguments.tokens())
        if (token.starts_with("ostree.prepare-root.composefs=") && token != "ostree.prepare-root.composefs=0" &&
            token != "ostree.prepare-root.composefs=maybe")
            throw refuse(fmt::format("has a composefs root (kernel argument {})", token));
    if (can_write_composefs()) return;
    std::error_code error;
    if (std::filesystem::exists(folder / ".ostree.cfs", error)) throw refuse("has a composefs image (.ostree.cfs)");
    if (const auto config = key_value(sysroot.repo_folder() / "config", "ex-integrity", "composefs"); yes(config))
        throw refuse(fmt::format("lies in a repository that demands composefs (ex-integrity.composefs={})", config));
    check_composefs_digest(sysroot.impl().repo.get(), deployment.base_checksum, refuse);
}

void check_unlocked(const Deployment& deployment) {
    if (deployment.unlocked)
        throw fail(Reason::UnsupportedRoot,
                   "deployment {} is unlocked (`ostree admin unlock`, `rpm-ostree usroverlay`): "
                   "changes made to its /usr would be lost silently; reboot to lock it, or roll back",
                   label(deployment));
}

void check_layering_lock(const Sysroot& sysroot, const Deployment& deployment) {
    const auto folder = sysroot.deployment_folder(deployment);
    std::error_code error;
    auto file = folder / "etc/rpm-ostreed.conf";
    if (!std::filesystem::exists(file, error)) file = folder / "usr/etc/rpm-ostreed.conf";
    if (yes(key_value(file, "Daemon", "LockLayering")))
        throw fail(Reason::LayeringLocked,
                   "LockLayering=true in /etc/rpm-ostreed.conf forbids package changes on this node; "
                   "remove it there, or change the image instead (kernel arguments still work)");
}

void check_origin(const Deployment& deployment) {
    const auto origin = parse_origin(deployment.origin.raw);
    if (origin.refspec.empty())
        throw fail(Reason::UnusableOrigin,
                   "the origin of deployment {} has no refspec, baserefspec or "
                   "container-image-reference, and rpm-ostree's daemon would not start on such a "
                   "node; rebase it to its image first (rpm-ostree rebase)",
                   label(deployment));
}

void check_base(const Sysroot& sysroot, const std::string& checksum) {
    auto* repo = sysroot.impl().repo.get();
    const std::string context = fmt::format("cannot read base commit {}", checksum);
    ErrorSlot error;
    GVariant* raw = nullptr;
    OstreeRepoCommitState state{};
    error.check(ostree_repo_load_commit(repo, checksum.c_str(), &raw, &state, error.address()), Reason::PartialCommit,
                context);
    const GVariantPtr commit(raw);
    if ((state & OSTREE_REPO_COMMIT_STATE_PARTIAL) != 0)
        throw fail(Reason::PartialCommit,
                   "base commit {} is only partly in the repository '{}' (an interrupted pull, or "
                   "`ostree fsck` found damage); pull it again",
                   checksum, sysroot.repo_folder().string());
    const auto found = tree_architecture(Tree(repo, checksum));
    if (!found.empty() && found != architecture)
        throw fail(Reason::UnsupportedArchitecture, "base commit {} is for {}; rtnode supports {} only", checksum,
                   found, architecture);
}

void check_foreign_layering(const Sysroot& sysroot, const Deployment& deployment,
                            const std::function<bool(const std::string&, const std::string&)>& have_payload) {
    const auto& origin = deployment.origin;
    const auto refuse = [&](const std::string& what, const std::string& remedy) {
        return fail(Reason::ForeignLayering,
                    "deployment {} has {}, which rtnode would drop: {} (kernel arguments alone can "
                    "still be changed)",
                    label(deployment), what, remedy);
    };
    layered_from_repositories(sysroot, deployment); // throws when one of them can't be kept
    if (!origin.overrides_replace.empty())
        throw refuse(fmt::format("overrides from a repository ({})", fmt::join(origin.overrides_replace, ", ")),
                     "reset them first with `rpm-ostree override reset`");
    if (!origin.requested_fileoverride.empty())
        throw refuse(fmt::format("packages that replace files ({})", fmt::join(origin.requested_fileoverride, ", ")),
                     "remove them first with `rpm-ostree uninstall`");
    if (origin.regenerate_initramfs || !origin.initramfs_args.empty())
        throw refuse("an initramfs generated on this node",
                     "turn that off first with `rpm-ostree initramfs --disable`");
    if (!origin.initramfs_etc.empty())
        throw refuse(fmt::format("files tracked in the initramfs ({})", fmt::join(origin.initramfs_etc, ", ")),
                     "remove them first with `rpm-ostree initramfs-etc --untrack-all`");
    for (const auto* list : {&origin.requested_local, &origin.overrides_replace_local})
        for (const auto& entry : *list) {
            const auto [sha256, nevra] = split_local_entry(entry);
            if (have_payload && have_payload(sha256, nevra)) continue;
            if (!package_cached(sysroot, Nevra::parse(nevra), sha256))
                throw refuse(
                    fmt::format("the local package {}, which neither rtnode nor rpm-ostree's package cache has", nevra),
                    "name that RPM in the request, or remove it first with `rpm-ostree uninstall` or `override reset`");
        }
}

void check_objects(const Sysroot& sysroot, const std::string& checksum) {
    auto* repo = sysroot.impl().repo.get();
    const auto check = [&](OstreeObjectType type, const std::string& object, const std::string& what) {
        ErrorSlot error;
        if (!ostree_repo_fsck_object(repo, type, object.c_str(), nullptr, error.address()))
            throw fail(Reason::CorruptObject,
                       "object {} of base commit {} ({}) is damaged or missing: {}; run `ostree fsck` on "
                       "'{}', then pull the commit again",
                       object, checksum, what, error.message(), sysroot.repo_folder().string());
    };
    check(OSTREE_OBJECT_TYPE_COMMIT, checksum, "the commit itself");
    const Tree tree(repo, checksum);
    check(OSTREE_OBJECT_TYPE_DIR_TREE, tree.root().checksum, "/");
    check(OSTREE_OBJECT_TYPE_DIR_META, tree.root().meta_checksum, "/");
    const auto check_entry = [&](const std::string& path, const TreeEntry& entry) {
        check(entry.is_folder ? OSTREE_OBJECT_TYPE_DIR_TREE : OSTREE_OBJECT_TYPE_FILE, entry.checksum, "/" + path);
        if (entry.is_folder) check(OSTREE_OBJECT_TYPE_DIR_META, entry.meta_checksum, "/" + path);
    };
    for (const auto* path :
         {"usr/share/rpm", "usr/lib/sysimage/rpm", "usr/lib/firmware/intel-ucode", "usr/lib/firmware/amd-ucode"})
        if (const auto entry = tree.find(path)) {
            check_entry(path, *entry);
            if (entry->is_folder) tree.walk(path, *entry, check_entry);
        }
    for (const auto& kernel : tree.kernels()) {
        const std::string path = "usr/lib/modules/" + kernel;
        const auto folder = tree.find(path);
        check_entry(path, *folder);
        for (const auto& entry : tree.list(*folder))
            check_entry(path + "/" + entry.name, entry);
    }
}

void check_new_base(const Sysroot& sysroot, const std::string& checksum) {
    auto* repo = sysroot.impl().repo.get();
    const Refuse refuse = [&](const std::string& what) {
        return fail(Reason::UnsupportedRoot,
                    "the new base commit {} {}; the libostree here ({}) can't write such a deployment: update "
                    "libostree first",
                    checksum, what, OSTREE_VERSION_S);
    };
    check_base(sysroot, checksum);
    const Tree tree(repo, checksum);
    constexpr const char* place = "usr/lib/ostree/prepare-root.conf";
    if (const auto file = tree.find(place); file && !file->is_folder && S_ISREG(tree.facts(*file).mode))
        check_prepare_root(tree.content(*file, 1 << 20), place, refuse);
    if (!can_write_composefs()) check_composefs_digest(repo, checksum, refuse);
    check_objects(sysroot, checksum);
}

Ground preflight(const Sysroot& sysroot, const PreflightRequest& request) {
    check_host(sysroot, request.host);
    check_labels(request.host);
    Ground ground;
    ground.stateroot = sysroot.stateroot(request.os);
    ground.start = sysroot.starting_point(ground.stateroot);
    ground.merge = sysroot.merge_deployment(ground.stateroot);
    check_loader(sysroot);
    check_root(sysroot, ground.start);
    check_origin(ground.start);
    check_base(sysroot, ground.start.base_checksum);
    if (request.packages) {
        check_unlocked(ground.merge);
        check_layering_lock(sysroot, ground.merge);
        check_foreign_layering(sysroot, ground.start, request.have_payload);
        check_objects(sysroot, ground.start.base_checksum);
    } else {
        check_base(sysroot, ground.start.checksum);
    }
    return ground;
}

} // namespace rtnode::ostree
