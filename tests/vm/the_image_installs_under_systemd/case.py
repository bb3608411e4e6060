"""The container image on a node whose own tree has no rtnode, with all that a live systemd does: there and away."""

import json
import os
import re
import shlex
import shutil

from bed import MANAGER, expect, expect_equal, expect_in, pod
from image import TOP, command

SOFTWARE = "/var/lib/rtnode/software"
LATENCY = "org.rtnode1 /org/rtnode1/latency org.rtnode1.Latency"
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"
# The booted commit once more, without what is installed of rtnode, and nothing left of it in /var.
WITHOUT_RTNODE = """set -e
systemctl stop rtnoded
rm -rf /var/lib/rtnode /var/cache/rtnode
mount -o remount,rw /sysroot
find /usr -name '*rtnode*' ! -name '*rtnode-vm-control*' -prune >/run/skipped
cat /run/skipped
repo=--repo=/sysroot/ostree/repo
commit=$(ostree $repo commit --orphan --fsync=false --parent={commit} --tree=ref={commit} --skip-list=/run/skipped \
    --subject= --keep-metadata=ostree.bootable --keep-metadata=ostree.linux --keep-metadata=version \
    --keep-metadata=rpmostree.rpmdb.pkglist --keep-metadata=rpmostree.initramfs-args)
ostree admin deploy --no-prune $commit
systemctl reboot
"""
# What a program does to own a name; busctl only does it for itself.
TAKES_THE_NAME = """
import ctypes, os
lib, bus = ctypes.CDLL("libsystemd.so.0"), ctypes.c_void_p()
lib.sd_bus_open_system(ctypes.byref(bus))
status = lib.sd_bus_request_name(bus, b"org.rtnode1", ctypes.c_uint64(0))
exit(os.strerror(-status) if status < 0 else 0)
"""
# Names, kinds, rights and targets of what an installation could leave.
LISTING = "find /etc /var/lib /var/cache /var/usrlocal -printf '%p %y %m %U %G %l\\n' 2>/dev/null | sort"
UNITS = "systemctl list-unit-files --no-legend 'rtnode*' | grep -v vm-control || true"


def unpacked_image(build, folder):
    """The image's layers, in files of `folder`; returns their names from the lowest."""
    archive = folder.parent / "image.tar"
    shutil.rmtree(folder, ignore_errors=True)
    command(TOP / "packaging/container/build", build, archive, env=dict(os.environ, TMPDIR=str(folder.parent)))
    command("skopeo", "--insecure-policy", "copy", f"oci-archive:{archive}", f"dir:{folder}")
    archive.unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    return [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]


def case(bed):
    machine = bed.boot()

    def bring_image():
        layers = unpacked_image(bed.folder.parents[1], bed.folder / "image")
        url = bed.serve(bed.folder / "image")
        for layer in layers:
            machine.ok("set -o pipefail; mkdir -p /var/tmp/image; "
                       "python3 -c \"import shutil, sys, urllib.request as u; "
                       f"shutil.copyfileobj(u.urlopen('{url}{layer}'), sys.stdout.buffer)\" | "
                       "tar -C /var/tmp/image -xz")

    def image(words, rc=0):
        """The image's entry point, as podman runs it; returns what it says."""
        result = machine.run(pod(f"/usr/libexec/rtnode-entry {words}", "/var/tmp/image"))
        expect_equal(result.rc, rc, f"exit status of {words} with the output\n{result.out}\n")
        bed.tap.note(result.out)
        return result.out

    def unit(*names):
        lines = machine.ok(f"systemctl show rtnoded {' '.join('-p ' + name for name in names)}").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def serves():
        """The daemon on the bus is the unit's, and runs from the prefix; returns its process."""
        bed.until(f"busctl get-property {MANAGER} Version", "the daemon answers")
        pid = unit("MainPID")["MainPID"]
        expect_in(f"PID={pid}\n", machine.ok("busctl status org.rtnode1"), "the owner of the name")
        exe = machine.ok(f"readlink /proc/{pid}/exe")
        expect(re.fullmatch(SOFTWARE + "/[^/]+/libexec/rtnoded", exe), f"the daemon's program: {exe}")
        return pid

    with bed.step("where the node's own tree has rtnode the image is refused, and leaves nothing"):
        bring_image()
        expect_in("this node's own image has rtnode", image("install", rc=1), "what install says")
        expect_equal(machine.run(f"ls -d {SOFTWARE}").rc, 2, "search for the software's folder")
        expect_equal(unit("FragmentPath"), {"FragmentPath": "/lib/systemd/system/rtnoded.service"}, "the unit")

    with bed.step("the node boots without it"):
        machine.reboots(WITHOUT_RTNODE.replace("{commit}", bed.facts["commit"]))
        expect_equal(machine.run(f"busctl get-property {MANAGER} Version").rc, 1, "a call of the daemon")
        expect_equal(machine.ok(UNITS), "", "units")
        image("status", rc=3)
        before = machine.ok(LISTING).splitlines()

    with bed.step("install: the units are known, the daemon is enabled and runs from the prefix"):
        expect_in("is installed", image("install"), "what install says")
        facts = unit("FragmentPath", "ActiveState", "UnitFileState", "NeedDaemonReload", "Type")
        expect_equal(facts, {"FragmentPath": "/etc/systemd/system/rtnoded.service", "ActiveState": "active",
                             "UnitFileState": "enabled", "NeedDaemonReload": "no", "Type": "notify"}, "the unit")
        serves()
        image("status")
        expect_equal(machine.ok("stat -c %F /tmp/cyclictest"), "directory", "what tmpfiles.d makes")
        machine.ok("systemd-analyze verify --man=no /etc/systemd/system/rtnode*.{service,timer}")

    with bed.step("the bus has its policy: everybody may read, and nobody else may be it or change the node"):
        expect_in("org.rtnode1.Manager", machine.ok("busctl introspect org.rtnode1 /org/rtnode1"), "its interfaces")
        machine.ok(f"{NOBODY} busctl get-property {MANAGER} Version")
        bed.refused(f"{NOBODY} busctl call {MANAGER} SetKernelArguments 'asasa{{sv}}' 1 mine=1 0 0", "uid 65534",
                    "may not do this")
        bed.refused(f"{NOBODY} python3 -c {shlex.quote(TAKES_THE_NAME)}", "Permission denied")

    with bed.step("the client and the hardened units of clients work from the prefix"):
        expect_in(bed.facts["kernels"]["stock"]["kver"], machine.ok("/usr/local/bin/rtnodectl status"), "status")
        machine.ok("systemctl start rtnode-latency@10s.service")
        expect_in("rtnodectl accept", machine.ok("journalctl --no-pager -u rtnode-latency@10s"), "the unit's words")
        machine.ok("systemctl enable --now rtnode-latency@10s.timer 2>&1")

    with bed.step("it measures; meanwhile another install leaves the daemon alone, and uninstall is refused"):
        pid = serves()
        run = bed.read(f"call {LATENCY} Start 'a{{sv}}' 3 duration s 30m cpus s 1 interval u 100000")[0]
        expect_in("a measurement runs", image("install"), "what install says")
        expect_in("a measurement runs", image("uninstall", rc=1), "what uninstall says")
        expect_equal(serves(), pid, "the daemon's process")
        expect_equal(bed.read(f"get-property org.rtnode1 {run} org.rtnode1.Measurement State"), "running",
                     "the measurement")
        machine.ok(f"busctl call org.rtnode1 {run} org.rtnode1.Measurement Stop\n"
                   f"busctl --timeout=infinity call org.rtnode1 {run} org.rtnode1.Measurement Wait")

    with bed.step("with nothing to do, install starts the daemon anew"):
        image("install")
        expect(serves() != pid, f"the daemon is still process {pid}")

    with bed.step("a job stages a deployment; until that is booted uninstall is refused"):
        machine.ok("rtnodectl kargs --append from-prefix=1")
        expect_in("a deployment is staged", image("uninstall", rc=1), "what uninstall says")
        expect_equal(machine.ok("systemctl is-active rtnode-boot-guard"), "active", "the boot entries' guard")

    with bed.step("the node boots into it, and the daemon comes up by itself"):
        machine.reboots("systemctl reboot")
        expect_in("from-prefix=1", machine.ok("cat /proc/cmdline"), "the kernel command line")
        serves()
        expect_equal(bed.verified()["booted-deployment"]["state"], "ok", "the booted deployment")
        expect_equal(machine.ok("systemctl is-system-running --wait"), "running", "the system")

    with bed.step("uninstall --purge leaves nothing but the deployment"):
        expect_in("uninstalled", image("uninstall --purge"), "what uninstall says")
        after = machine.ok(LISTING).splitlines()
        expect_equal(sorted(set(before) ^ set(after)), [], "what is otherwise than before")
        expect_equal(machine.ok(UNITS), "", "units")
        expect_equal(machine.ok("systemctl list-units --all --no-legend 'rtnode-latency*'"), "", "the timer and its unit")
        expect_equal(machine.run(f"busctl get-property {MANAGER} Version").rc, 1, "a call of the daemon")
        expect_equal(machine.run("pgrep -a rtnode | grep -v vm-control").out, "", "processes")
        image("status", rc=3)
        expect_in("from-prefix=1", machine.ok("cat /boot/loader/entries/*"), "the boot entries")
