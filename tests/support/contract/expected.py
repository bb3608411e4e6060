"""What rpm-ostree would write for an RPM: its pkgcache ref and commit, with every object of the tree. The rules are
those of rpm-ostree's importer (src/libpriv/rpmostree-importer.cxx, rust/src/importer.rs, rust/src/tmpfiles.rs) and of
libostree's import of archives (src/libostree/ostree-repo-libarchive.c)."""
import re
import stat
import struct

import gvariant
import objects
import rpm_file

CAPABILITIES = """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct
sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap
mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore""".split()


def ref_of(package):
    def quoted(text):
        return re.sub(r"[^A-Za-z0-9.-]", lambda m: "__" if m[0] == "_" else "_%02X" % ord(m[0]), text)

    evr = f"{package.version}-{package.release}"
    if package.epoch:
        evr = f"{package.epoch}:{evr}"
    return f"rpmostree/pkg/{quoted(package.name)}/{quoted(evr)}.{quoted(package.arch)}"


def capability_attribute(text):
    """security.capability, revision 2, of a text such as "cap_net_raw,cap_net_admin=ep"."""
    names, flags = re.fullmatch(r"(?:= )?([a-z_,]+)[=+]([eip]+)", text).groups()
    bits = sum(1 << CAPABILITIES.index(name.removeprefix("cap_")) for name in names.split(","))
    permitted, inheritable = (bits if flag in flags else 0 for flag in "pi")
    words = [half for shift in (0, 32) for half in (permitted >> shift & 0xffffffff, inheritable >> shift & 0xffffffff)]
    return struct.pack("<5I", 0x02000000 | ("e" in flags), *words)


def translated(path):
    for begin, place in (("etc", "usr/"), ("opt", "usr/lib/")):
        if path == begin or path.startswith(begin + "/"):
            return place + path
    for begin, place in (("boot/", "usr/lib/ostree-boot/"), ("var/lib/selinux/targeted/", "usr/etc/selinux/targeted/"),
                         ("var/lib/alternatives", "usr/lib/alternatives"), ("var/lib/vagrant", "usr/lib/vagrant")):
        if path.startswith(begin):
            return place + path[len(begin):]
    return path


def shell_safe(text):
    return text if re.fullmatch(r"[A-Za-z0-9\-._/=:]+", text) else "'" + text.replace("'", "'\\''") + "'"


class Folder:
    def __init__(self):
        self.metadata, self.files, self.folders = None, {}, {}


class Tree:
    """Filled entry by entry; `label` gives the SELinux label of a path and a mode, or None."""

    def __init__(self, label=lambda path, mode: None):
        self.root, self.label, self.objects = Folder(), label, {}

    def attributes(self, path, mode, capabilities=""):
        xattrs = [(b"security.capability\0", capability_attribute(capabilities))] if capabilities else []
        label = self.label("/" + path, mode)
        return xattrs + ([(b"security.selinux\0", label.encode() + b"\0")] if label else [])

    def set_folder(self, folder, path, mode):
        data = objects.folder_metadata(mode, self.attributes(path, stat.S_IFDIR | mode))
        folder.metadata = objects.sha256(data)
        self.objects[folder.metadata, "dirmeta"] = data

    def parent(self, path):
        at = self.root
        for part in path.split("/")[:-1]:
            if part not in at.folders:
                return self.make_parents(path)
            at = at.folders[part]
        return at

    def make_parents(self, path):
        """Also resets the metadata of what is there already: so libostree does it."""
        at, made = self.root, []
        self.set_folder(at, "", 0o755)
        for part in path.split("/")[:-1]:
            made.append(part)
            at = at.folders.setdefault(part, Folder())
            self.set_folder(at, "/".join(made), 0o755)
        return at

    def add(self, path, mode, content, capabilities=""):
        parent, name = self.parent(path), path.split("/")[-1]
        if stat.S_ISDIR(mode):
            self.set_folder(parent.folders.setdefault(name, Folder()), path, stat.S_IMODE(mode) | stat.S_IWUSR)
            return
        link = content.decode() if stat.S_ISLNK(mode) else ""
        xattrs = self.attributes(path, mode, capabilities)
        if link:
            mode = stat.S_IFLNK | 0o777
        parent.files[name] = objects.file_checksum(mode, b"" if link else content, link, xattrs)

    def snippet(self, package, lines):
        """Out of a temporary folder of mode 0700."""
        self.make_parents(f"usr/lib/rpm-ostree/tmpfiles.d/{package}.conf")
        self.set_folder(self.root, "", 0o700)
        self.add(f"usr/lib/rpm-ostree/tmpfiles.d/{package}.conf", stat.S_IFREG | 0o644, lines.encode())

    def finish(self, folder=None):
        """Checksum of the folder's dirtree object; all of them stand in `objects` afterwards."""
        folder = folder or self.root
        if not folder.metadata:
            self.set_folder(folder, "", 0o755)
        files = [(name, bytes.fromhex(checksum)) for name, checksum in sorted(folder.files.items())]
        folders = [(name, bytes.fromhex(self.finish(child)), bytes.fromhex(child.metadata))
                   for name, child in sorted(folder.folders.items())]
        data = gvariant.pack("(a(say)a(sayay))", (files, folders))
        self.objects[objects.sha256(data), "dirtree"] = data
        return objects.sha256(data)

    def file_objects(self, folder=None):
        folder = folder or self.root
        return {*folder.files.values()}.union(*(self.file_objects(child) for child in folder.folders.values()))


def build_tree(package, label=lambda path, mode: None):
    tree, opt, var_lib, lines = Tree(label), set(), set(), []
    for path, mode, content in package.members():
        if path.startswith("opt/"):
            opt.add(path.split("/")[1])
        if path in ("var/lib/alternatives", "var/lib/vagrant"):
            var_lib.add(path.split("/")[2])
        place = translated(path)
        if place.startswith(("var/", "run/")):
            _, _, user, group, _, _ = package.files[path]
            where = shell_safe("/" + (place[4:] if place.startswith("var/run/") else place))
            if place.startswith(("var/lib/rpm", "var/lib/selinux")):
                continue
            if stat.S_ISDIR(mode):
                lines.append(f"d {where} {stat.S_IMODE(mode):04o} {user} {group} - -")
            elif stat.S_ISLNK(mode):
                lines.append(f"L {where} - - - - {content.decode()}")
            continue
        if place.startswith(("var", "run")) or place.startswith("usr/etc/selinux") and place.endswith(".LOCK"):
            continue
        tree.add(place, mode, content, package.files[path][4] if place == path else "")
    links = [f"L {shell_safe('/opt/' + name)} - - - - ../../usr/lib/opt/{name}" for name in sorted(opt)]
    links += [f"L {shell_safe('/var/lib/' + name)} - - - - ../../usr/lib/{name}" for name in sorted(var_lib)]
    if links + lines:
        tree.snippet(package.name, "".join(line + "\n" for line in links + lines))
    return tree


def metadata(package, policy=""):
    nevra = (package.nevra(), package.name, package.epoch, package.version, package.release, package.arch)
    pairs = [("rpmostree.metadata", ("ay", package.front)),
             ("rpmostree.metadata_sha256", ("s", objects.sha256(package.front))),
             ("rpmostree.nevra", ("(sstsss)", nevra))]
    if policy:
        pairs.append(("rpmostree.sepolicy", ("s", policy)))
    return pairs + [("rpmostree.unpack_version", ("u", 1)), ("rpmostree.unpack_minor_version", ("u", 6))]


def package_commit(path, policy="", label=lambda path, mode: None):
    """(ref, commit checksum, {(checksum, kind): bytes} of all metadata objects, checksums of the file objects)."""
    package = rpm_file.Package(path)
    tree = build_tree(package, label)
    root = tree.finish()
    data = objects.commit(metadata(package, policy), "", package.build_time, root, tree.root.metadata)
    tree.objects[objects.sha256(data), "commit"] = data
    return ref_of(package), objects.sha256(data), tree.objects, tree.file_objects()
