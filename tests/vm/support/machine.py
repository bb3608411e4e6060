"""A machine under QEMU, driven through a virtio-serial port (guest/rtnode-vm-control)."""

import base64
import ctypes
import os
import re
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from image import SNAPSHOT

# Emulated: /dev/kvm isn't there, or doesn't work, wherever this runs. Limits are for a machine that is shared.
QEMU = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048", "-nodefaults",
        "-no-user-config", "-display", "none", "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net",
        "-device", "virtio-rng-pci", "-device", "virtio-serial-pci", "-device",
        "virtserialport,chardev=control,name=control"]
BOOT_LIMIT = 900
RUN_LIMIT = 1200
DEAD = re.compile(r"Kernel panic|Entering emergency mode|You are in emergency mode|no bootable device|error: .*not found|"
                  "error: you need to load the kernel first")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


class MachineError(Exception):
    pass


class MachineGone(MachineError):
    """QEMU has ended."""


@dataclass
class Result:
    rc: int
    out: str


class Machine:
    """start() … stop(); use it as a context. What it leaves is in `folder`: console.log, and after keep() more."""

    def __init__(self, image, folder, booted=True):
        self.image, self.folder, self.booted = image, Path(folder), booted
        self.console = self.folder / "console.log"
        self.disk = self.folder / "disk.qcow2"
        self.boot_id = self.kernel = ""
        self._process = self._control = self._monitor = None
        self._buffer = b""
        self._console_from = 0

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.keep()
        self.stop()

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.image.overlay(self.disk, self.booted)
        return self.power_on(("-loadvm", SNAPSHOT) if self.booted else ())

    def power_on(self, extra=()):
        """A QEMU process on the disk as it is; returns when the machine answers."""
        # Paths of sockets end at 107 bytes: it is reached through the folder's descriptor.
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # QEMU connects to us, so that nobody has to try until the other one listens.
            control, monitor = (self._listen(folder, name) for name in ("control", "monitor"))
            self.console.touch()
            self._console_from = self.console.stat().st_size
            self._process = subprocess.Popen(
                [*QEMU, "-drive", f"file={self.image.grub},if=none,id=grub,format=raw,readonly=on",
                 "-device", "virtio-blk-pci,drive=grub,bootindex=0", *self._disk_options(),
                 "-chardev", "file,id=console,path=console.log,append=on", "-serial", "chardev:console",
                 "-chardev", "socket,id=control,path=control",
                 "-chardev", "socket,id=monitor,path=monitor", "-monitor", "chardev:monitor", *extra],
                stdin=subprocess.DEVNULL, stdout=open(self.folder / "qemu.log", "ab"), stderr=subprocess.STDOUT,
                cwd=self.folder, preexec_fn=die_with_parent)
            self._control, self._monitor = self._accept(control), self._accept(monitor)
            self._until_prompt()  # its greeting
        finally:
            os.close(folder)
        if extra:
            self._control.sendall(b"PING\n")
        self._wait_ready("")
        if extra:  # the snapshot's clock stands still, and TLS and journals want to know the time
            self.ok(f"date -s @{time.time():.0f} >/dev/null")
        return self

    def _disk_options(self):
        return ["-drive", f"file={self.disk},if=virtio,format=qcow2,cache=unsafe"]

    def stop(self):
        """The plug is pulled; a case that wants more says `systemctl poweroff`."""
        self._unplug()
        self.disk.unlink(missing_ok=True)

    def _unplug(self):
        if self._process:
            self._process.kill()
            self._process.wait()
            for connection in (self._control, self._monitor):
                if connection:
                    connection.close()
            self._process = self._control = self._monitor = None
            self._buffer = b""

    def run(self, script, limit=RUN_LIMIT):
        """A bash script as root; both streams are in `out`."""
        self._send(script)
        lines, deadline = [], time.monotonic() + limit
        while True:
            word, rest = self._line(deadline, lambda: "; so far: " + "\n".join(lines[-20:]))
            if word == "O":
                lines.append(rest)
            elif word == "X":
                return Result(int(rest), "\n".join(lines))
            elif word == "READY":
                raise MachineError(f"the machine rebooted during: {script}")

    def ok(self, script, limit=RUN_LIMIT):
        """Output of a script that must succeed."""
        result = self.run(script, limit)
        if result.rc:
            raise MachineError(f"exit status {result.rc}: {script}\n{result.out}")
        return result.out

    def reboots(self, script=None, limit=BOOT_LIMIT):
        """Waits for the next boot, which `script` may ask for; returns the output of the script so far as it came."""
        lines, before = [], self.boot_id
        if script:
            self._send(script)
        self._wait_ready(before, limit, lines)
        return "\n".join(lines)

    def ends(self, script, limit=BOOT_LIMIT):
        """Runs a script that switches the machine off; returns when QEMU has ended."""
        lines, deadline = [], time.monotonic() + limit
        self._send(script)
        try:
            while True:
                word, rest = self._line(deadline, lambda: "; the console's end:\n" + self.console_tail())
                if word == "O":
                    lines.append(rest)
                elif word == "X" and int(rest):
                    raise MachineError(f"not switched off, exit status {rest}:\n" + "\n".join(lines))
        except MachineGone:
            self._process.wait()
            self._unplug()

    def monitor(self, line, limit=300):
        """A command of QEMU's monitor; returns its answer."""
        self._monitor.settimeout(limit)
        self._monitor.sendall(line.encode() + b"\n")
        return self._until_prompt()

    def console_tail(self, lines=25):
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.console.read_text(errors="replace"))
        return "\n".join(text.splitlines()[-lines:])

    def keep(self):
        """Journal and deployments for who looks into a failure; silent when the machine is dead."""
        for name, script in (("journal.txt", "journalctl --no-pager -o short-precise --since=-2h"),
                             ("rtnoded.txt", "journalctl --no-pager -u rtnoded --since=-2h; systemctl status rtnoded"),
                             ("deployments.txt", "ostree admin status; cat /proc/cmdline; uname -a; "
                                                 "head -n 50 /boot/loader/entries/*")):
            try:
                (self.folder / name).write_text(self.run(script, 60).out + "\n")
            except (MachineError, OSError):
                return

    def _listen(self, folder, name):
        (self.folder / name).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"/proc/self/fd/{folder}/{name}")
        listener.listen(1)
        return listener

    def _accept(self, listener):
        process = os.pidfd_open(self._process.pid)
        try:
            with listener:
                if listener not in select.select([listener, process], [], [])[0]:
                    self._gone()
                return listener.accept()[0]
        finally:
            os.close(process)

    def _until_prompt(self):
        answer = b""
        while not answer.endswith(b"(qemu) "):
            answer += self._monitor.recv(65536) or self._gone()
        return answer.decode(errors="replace")

    def _gone(self):
        status = self._process.wait()
        how = f"killed by signal {-status} (by the kernel, if memory ran out)" if status < 0 else f"exit status {status}"
        raise MachineGone(f"QEMU ended, {how}: " + (self.folder / "qemu.log").read_text(errors="replace")[-2000:])

    def _send(self, script):
        self._control.sendall(base64.b64encode(script.encode()) + b"\n")

    def _wait_ready(self, not_this_boot, limit=BOOT_LIMIT, lines=None):
        deadline = time.monotonic() + limit
        while True:
            word, rest = self._line(deadline, lambda: "; the console's end:\n" + self.console_tail())
            if word == "O" and lines is not None:
                lines.append(rest)
            elif word == "X" and lines is not None and int(rest):
                raise MachineError(f"no reboot, exit status {rest}:\n" + "\n".join(lines))
            elif word == "READY":
                boot_id, self.kernel = rest.split(" ", 1)
                if boot_id != not_this_boot:
                    self.boot_id = boot_id
                    return

    def _line(self, deadline, context):
        """(word, rest) of the next line; looks at the console meanwhile."""
        while b"\n" not in self._buffer:
            # A second: the console is a file, which nothing can wait for; it only tells earlier than the deadline.
            if select.select([self._control], [], [], 1.0)[0]:
                received = self._control.recv(65536)
                if not received:
                    self._gone()
                self._buffer += received
                continue
            if self._process.poll() is not None:
                self._gone()
            if time.monotonic() > deadline:
                raise MachineError("no answer in time" + context())
            with open(self.console, "rb") as file:
                file.seek(self._console_from)
                if dead := DEAD.search(file.read().decode(errors="replace")):
                    raise MachineError(f"the console says '{dead.group()}':\n{self.console_tail()}")
        line, self._buffer = self._buffer.split(b"\n", 1)
        word, _, rest = line.decode(errors="replace").rstrip("\r").partition(" ")
        return word, rest


def boot_and_keep(image):
    """First boot of an image: leaves the booted machine as a snapshot in image.booted."""
    machine = Machine(image, image.folder / "first-boot", booted=False)
    with machine:
        # What boots late must not run in each case again.
        machine.ok("systemctl is-system-running --wait || systemctl --failed --no-pager")
        machine.ok("busctl --timeout=60 get-property org.rtnode1 /org/rtnode1 org.rtnode1.Manager Version")
        if answer := machine.monitor(f"savevm {SNAPSHOT}").replace(f"savevm {SNAPSHOT}", "").replace("(qemu)", "").strip():
            if "rror" in answer:
                raise MachineError(f"savevm: {answer}")
        machine.monitor("stop")
        machine.disk.rename(image.booted)
