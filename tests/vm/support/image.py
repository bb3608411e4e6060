"""The disks of the machine: the throwaway node's tree with rtnode installed, in an ext4 image, and GRUB before it.

Without loop devices and mounts: mke2fs fills the file system from a folder. A machine that has booted is kept as a
snapshot of QEMU in `booted.qcow2` over `disk.raw`, so that most cases start from there in a second or two.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
TOP = SUPPORT.parents[2]
NODE_TOOLS = TOP / "tests/support/node"
DISK_SIZE = "6G"  # sparse
SNAPSHOT = "booted"
# Of the node's own arguments, what this disk has another value for: no xfs quota, a label instead of a UUID.
REPLACED_ARGUMENTS = {"root": "root=LABEL=root", "rootflags": "rootflags=defaults"}
GRUB_MODULES = ("biosdisk boot echo ext2 memdisk minicmd mmap normal configfile regexp relocator search search_label "
                "serial tar terminal test true vbe verifiers video").split()


def command(*words, good=(0,), **options):
    """Runs a program; its output is shown only when its exit status isn't a good one."""
    result = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **options)
    if result.returncode not in good:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit status {result.returncode}\n{result.stdout[-4000:]}")
    return result.stdout


def cache_folder(build):
    """Outside of the checkout where that can be written, since a boot takes most of a minute."""
    folder = Path(os.environ.get("RTNODE_CACHE", "/var/cache/rtnode-dev"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return build / "vm"


def files_below(folder):
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def key_of(node, layer):
    digest = hashlib.sha256((node / ".key").read_bytes())
    digest.update(command("qemu-system-x86_64", "--version").encode())
    for folder in (layer, SUPPORT):
        for path in files_below(folder):
            if path.suffix == ".pyc":
                continue
            content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            digest.update(f"{path.relative_to(folder)} {path.lstat().st_mode:o} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()[:20]


def wanted_by(layer, target, unit, source=None):
    folder = layer / f"usr/lib/systemd/system/{target}.wants"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / unit).symlink_to(source or f"../{unit}")


def make_layer(build, layer):
    """What the machine has beside the node's tree: rtnode as installed, and the channel for the tests."""
    options = {o["name"]: o["value"] for o in json.loads(command("meson", "introspect", "--buildoptions", build))}
    if options["prefix"] != "/usr":
        raise RuntimeError(f"{build} is configured with prefix {options['prefix']}; a node needs rtnode in its tree: "
                           f"meson configure {build} -Dprefix=/usr")
    command("meson", "install", "-C", build, "--no-rebuild", "--strip", env=dict(os.environ, DESTDIR=str(layer)))
    wanted_by(layer, "multi-user.target", "rtnoded.service")  # as a preset or `systemctl enable` does
    units = layer / "usr/lib/systemd/system"
    shutil.copy(SUPPORT / "guest/rtnode-vm-control", layer / "usr/libexec/rtnode-vm-control")
    shutil.copy(SUPPORT / "guest/rtnode-vm-control.service", units)
    wanted_by(layer, "multi-user.target", "rtnode-vm-control.service")
    # RHEL CoreOS has a tmpfs on /tmp.
    wanted_by(layer, "local-fs.target", "tmp.mount")


def check_libraries(tree, layer):
    """The tree must have what the programs are linked with: else the machine would boot without a daemon."""
    have = {path.name for path in tree.glob("usr/lib/**/*.so*")}
    for program in (p for p in files_below(layer) if os.access(p, os.X_OK) and p.read_bytes()[:4] == b"\x7fELF"):
        needed = [line.split("[")[1].rstrip("]") for line in command("readelf", "-d", program).splitlines()
                  if "(NEEDED)" in line]
        lacking = [name for name in needed if name not in have]
        if lacking:
            raise RuntimeError(f"the node's tree lacks {', '.join(lacking)}, which {program.name} needs: add the "
                               "packages to host_packages in tests/support/node/host-tree.sh")


def commit_with_layer(node, layer, repo, work):
    """One commit like the node's, metadata included, with the layer on top. Returns its checksum."""
    base = (node / "tree.commit").read_text().strip()
    tree = work / "tree"
    command("ostree", f"--repo={repo}", "pull-local", node / "sysroot/ostree/repo", base)
    command("ostree", f"--repo={repo}", "checkout", "-H", "--require-hardlinks", base, tree)
    check_libraries(tree, layer)
    (tree / "tmp").unlink()
    (tree / "tmp").mkdir(mode=0o1777)
    (tree / "tmp").chmod(0o1777)
    shutil.copy(tree / "usr/share/systemd/tmp.mount", layer / "usr/lib/systemd/system/tmp.mount")
    command("cp", "-a", "--remove-destination", "--no-preserve=ownership", f"{layer}/.", tree)
    metadata = []
    for key in ("version", "rpmostree.initramfs-args", "rpmostree.rpmdb.pkglist"):
        value = command("ostree", f"--repo={repo}", "show", f"--print-metadata-key={key}", base).strip()
        if key == "rpmostree.rpmdb.pkglist" and not value.startswith("@"):
            value = f"@a(sssss) {value}"
        metadata.append(f"--add-metadata={key}={value}")
    commit = command("ostree", f"--repo={repo}", "commit", "--orphan", f"--tree=dir={tree}", "--consume", "--bootable",
                     "--link-checkout-speedup", "--fsync=false", "--subject=", *metadata).split()[-1]
    return commit


def make_disk(node, layer, work, disk):
    facts = json.loads((node / "facts.json").read_text())
    sysroot = work / "sysroot"
    repo = sysroot / "ostree/repo"
    sysroot.mkdir()
    command("ostree", "admin", "init-fs", "--modern", sysroot)
    command("ostree", "admin", "os-init", f"--sysroot={sysroot}", facts["stateroot"])
    # As on RHEL CoreOS: /sysroot is read-only but for who remounts it, and the boot loader reads the entries itself.
    for setting in ("core.mode bare", "sysroot.bootloader none", "sysroot.readonly true"):
        command("ostree", f"--repo={repo}", "config", "set", *setting.split())
    commit = commit_with_layer(node, layer, repo, work)
    origin = work / "origin"
    origin.write_text(f"[origin]\nrefspec={commit}\ncustom-url={facts['custom_url']}\n"
                      "custom-description=Managed by machine-config-operator\n")
    arguments = [REPLACED_ARGUMENTS.get(a.split("=")[0], a) for a in facts["kernel_arguments"]]
    command("ostree", "admin", "deploy", f"--sysroot={sysroot}", f"--os={facts['stateroot']}", "--karg-none",
            f"--origin-file={origin}", *(f"--karg-append={a}" for a in arguments), commit)
    # GRUB 2.06 must be able to read it.
    command("mke2fs", "-q", "-t", "ext4", "-O", "^orphan_file,^metadata_csum_seed", "-L", "root", "-d", sysroot, disk,
            DISK_SIZE)
    return dict(facts, commit=commit, kernel_arguments=arguments)


def make_grub(work, disk, modules=Path("/usr/lib/grub/i386-pc")):
    """No partitions, no file system: boot.img in the first sector, the core with its configuration behind it."""
    memdisk = work / "memdisk/boot/grub/i386-pc"
    memdisk.mkdir(parents=True)
    shutil.copy(modules / "linux.mod", memdisk)
    shutil.copy(SUPPORT / "grub.cfg", memdisk.parent)
    command("tar", "-C", work / "memdisk", "-cf", work / "memdisk.tar", "boot")
    command("grub-mkimage", "-O", "i386-pc", "-d", modules, "-p", "(memdisk)/boot/grub", "-m", work / "memdisk.tar",
            "-o", work / "core.img", *GRUB_MODULES)
    with open(disk, "wb") as file:
        file.write((modules / "boot.img").read_bytes()[:512])
        file.write((work / "core.img").read_bytes())
        file.truncate(4 << 20)


class Image:
    """A made image: `folder` with grub.raw, disk.raw, booted.qcow2 and facts.json."""

    def __init__(self, folder, node):
        self.folder, self.node = folder, node
        self.grub, self.disk, self.booted = folder / "grub.raw", folder / "disk.raw", folder / "booted.qcow2"
        self.facts = json.loads((folder / "facts.json").read_text())

    def overlay(self, target, booted):
        """A disk of a case's own; `booted` with the snapshot of the machine that has booted."""
        target.unlink(missing_ok=True)
        if booted:
            command("cp", "--sparse=always", self.booted, target)
            command("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", self.disk, target)
        else:
            command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.disk, target)


@contextlib.contextmanager
def locked(path):
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make(build, node, boot_and_keep, say):
    """The image for this build and node; made unless it is there. boot_and_keep(image) makes `booted.qcow2`."""
    build, node = Path(build).resolve(), Path(node).resolve()
    (build / "vm").mkdir(exist_ok=True)
    # Beside the node: its objects can be hard-linked then.
    with locked(build / "vm/image.lock"), tempfile.TemporaryDirectory(prefix="vm.", dir=build) as temporary:
        work = Path(temporary)
        layer = work / "layer"
        make_layer(build, layer)
        cache = cache_folder(build)
        folder = cache / f"vm-{key_of(node, layer)}"
        if (folder / "complete").exists():
            (folder / "complete").touch()
            return Image(folder, node)
        began = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            facts = make_disk(node, layer, work, folder / "disk.raw")
            make_grub(work, folder / "grub.raw")
            (folder / "facts.json").write_text(json.dumps(facts, indent=1))
            say(f"image: {time.monotonic() - began:.0f} s")
            image = Image(folder, node)
            boot_and_keep(image)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            command(NODE_TOOLS / "remove-sysroot", work / "sysroot")
        (folder / "complete").touch()
        say(f"image and first boot: {time.monotonic() - began:.0f} s")
        forget_older(cache)
        return image


def forget_older(cache, keep=2):
    made = sorted(cache.glob("vm-*/complete"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in made[keep:]:
        shutil.rmtree(path.parent, ignore_errors=True)
