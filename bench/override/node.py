"""Two copies of the throwaway node for the bench, the second with 60,000 files more, and rtnoded on a bus of its own."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SUPPORT = TOP / "tests/support/node"
FILES = 60_000


def run(*command, **options):
    """Standard output; a failing command ends the bench with what it said."""
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


class Node:
    """A sysroot folder that always goes back to its one deployment."""

    def __init__(self, made, folder, size, bigger):
        """`size` is a name for people."""
        self.size = size
        self.facts = json.loads((made / "facts.json").read_text())
        self.stateroot, self.folder = self.facts["stateroot"], folder
        run(SUPPORT / "copy-sysroot", made / "sysroot", folder)
        self.repo = folder / "ostree/repo"
        if bigger:
            self._grow()

    def package(self, name, repository):
        """The newest RPM of that name, a path below the made node."""
        return max(package["file"] for package in self.facts[repository] if package["name"] == name)

    def restore(self):
        """Drops what a change made: deployment, refs, objects."""
        while len(self._deployments()) > 1:
            run("ostree", "admin", "undeploy", f"--sysroot={self.folder}", "0")
        for ref in run("ostree", f"--repo={self.repo}", "refs").split():
            if ref.startswith(("bench/", "rpmostree/")):
                run("ostree", f"--repo={self.repo}", "refs", "--delete", ref)
        run("ostree", "admin", "cleanup", f"--sysroot={self.folder}")

    def _deployments(self):
        return re.findall(r"^[* ] \S+ [0-9a-f]{64}\.\d+", run("ostree", "admin", "status", f"--sysroot={self.folder}"), re.M)

    def _grow(self):
        filler = self.folder.with_suffix(".filler")
        for number in range(FILES):
            path = filler / f"usr/share/filler/{number // 250}/{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number}\n" * 20)
        base = self.facts["commit"]
        kept = ("version", "rpmostree.initramfs-args", "rpmostree.rpmdb.pkglist")
        commit = run("ostree", f"--repo={self.repo}", "commit", "--branch=filler", f"--parent={base}", "--fsync=false",
                     "--bootable", f"--tree=ref={base}", f"--tree=dir={filler}", *(f"--keep-metadata={key}" for key in kept)).strip()
        shutil.rmtree(filler)
        origin = self.folder / "origin"
        old = next(self.folder.glob(f"ostree/deploy/{self.stateroot}/deploy/*.origin"))
        origin.write_text(old.read_text().replace(base, commit))
        run("ostree", "admin", "deploy", f"--sysroot={self.folder}", f"--os={self.stateroot}", f"--origin-file={origin}", commit)
        run("ostree", f"--repo={self.repo}", "refs", "--delete", "filler")
        run("ostree", "admin", "undeploy", f"--sysroot={self.folder}", "1")
        run("ostree", "admin", "cleanup", f"--sysroot={self.folder}")


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>{}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="false"/>
<allow receive_sender="*"/></policy></busconfig>"""


def plain(value):
    """busctl's {"type": …, "data": …} without the types."""
    if isinstance(value, dict) and value.keys() == {"type", "data"}:
        return plain(value["data"])
    return {key: plain(inner) for key, inner in value.items()} if isinstance(value, dict) else value


class Daemon:
    """rtnoded on a node; use it as a context."""

    def __init__(self, build, made, node, folder):
        self.folder, self.node, self.build = folder, node, build
        folder.mkdir()
        self.address = f"unix:path={folder}/bus"
        (folder / "bus.conf").write_text(BUS.format(self.address))
        repositories = folder / "config/repos.d"
        repositories.mkdir(parents=True)
        key = made / "keys/RPM-GPG-KEY-rtnode-test"
        for name in ("repo", "repo2"):
            for file in (made / name).glob("*.repo"):
                (repositories / file.name).write_text(
                    file.read_text().replace("@BASEURL@", f"file://{made}/{name}").replace("@GPGKEY@", f"file://{key}"))
        self._bus = self._daemon = None

    def __enter__(self):
        self._bus = subprocess.Popen(["dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--nopidfile",
                                      "--print-address=1"], stdout=subprocess.PIPE, stderr=(self.folder / "bus.log").open("w"))
        self._bus.stdout.readline()
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        self._bus.kill()
        self._bus.wait()

    def start(self):
        """Returns when it owns its name; the seconds that took."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            path = self.folder / "ready"
            path.unlink(missing_ok=True)
            ready.bind(str(path))
            began = time.monotonic()
            self._daemon = subprocess.Popen(
                [self.build / "daemon/rtnoded", "--sysroot", self.node.folder, "--bus-address", self.address,
                 "--state-dir", self.folder / "state", "--config", self.folder / "config"],
                env=dict(os.environ, NOTIFY_SOCKET=str(path)), stderr=(self.folder / "log").open("a"))
            while b"READY=1" not in ready.recv(4096):
                pass
            return time.monotonic() - began

    def stop(self):
        self._daemon.terminate()
        self._daemon.wait()

    def private_kib(self):
        """(written, pages of files that it alone maps): the second depends on who else runs, and can be dropped."""
        rollup = Path(f"/proc/{self._daemon.pid}/smaps_rollup").read_text()
        return tuple(int(re.search(rf"^Private_{kind}:\s+(\d+) kB", rollup, re.M)[1]) for kind in ("Dirty", "Clean"))

    def job(self, method, signature, *arguments):
        """Submits it and waits; returns (seconds as the caller sees them, its result)."""
        began = time.monotonic()
        path = self._call("/org/rtnode1", "Manager", method, signature, *arguments)["data"][0]
        state, result = self._call(path, "Job", "Wait")["data"]
        seconds = time.monotonic() - began
        if state != "done" or result["nothing-to-do"]["data"]:
            raise SystemExit(f"{method}: {state} {result}")
        return seconds, plain(result)

    def _call(self, path, interface, member, *arguments):
        return json.loads(run("busctl", f"--address={self.address}", "--json=short", "--timeout=infinity", "call", "org.rtnode1",
                              path, f"org.rtnode1.{interface}", member, *arguments))
