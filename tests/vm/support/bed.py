"""What a case gets: a machine, the daemon on its bus, a web server with the packages, steps, a transcript."""

import contextlib
import json
import re
import shlex
import subprocess
import sys
import traceback
from pathlib import Path

from image import NODE_TOOLS
from machine import Machine

MANAGER = "org.rtnode1 /org/rtnode1 org.rtnode1.Manager"
HOST = "10.0.2.2"  # QEMU's user networking: the host's 127.0.0.1


class CaseFailed(Exception):
    """The step has been reported; what would follow has no ground to stand on."""


class Tap:
    """Test Anything Protocol, a line a step."""

    def __init__(self, out=sys.stdout):
        self.out, self.count, self.failed = out, 0, 0

    def line(self, text):
        print(text, file=self.out, flush=True)

    def note(self, text):
        for line in str(text).splitlines():
            # Colours and the like would make the JUnit report that comes of this no XML.
            self.line("# " + re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]", "", line))

    def result(self, held, sentence):
        self.count += 1
        self.failed += not held
        self.line(f"{'ok' if held else 'not ok'} {self.count} - {sentence.replace('#', '')}")


def expect(held, explanation):
    if not held:
        raise AssertionError(explanation)


def expect_equal(actual, expected, what):
    expect(actual == expected, f"{what}: expected {expected!r}, is {actual!r}")


def expect_in(part, whole, what):
    expect(part in whole, f"{what}: '{part}' is not in\n{whole}")


def plain(value):
    """busctl's JSON without its type marks: {"type": "s", "data": "x"} is "x"."""
    if isinstance(value, dict) and set(value) == {"type", "data"}:
        return plain(value["data"])
    if isinstance(value, dict):
        return {key: plain(element) for key, element in value.items()}
    return [plain(element) for element in value] if isinstance(value, list) else value


# A shell that counts for a while on CPU 1, three times: 400 ms without a pause, above a measurement of priority 80.
HOG = """for i in 1 2 3; do
    taskset -c 1 chrt -f 90 bash -c 'end=$((${EPOCHREALTIME/./} + 400000))
        while [ ${EPOCHREALTIME/./} -lt $end ]; do :; done'
    sleep 1
done"""


def pod(command="chroot /host", image=None):
    """Shell words that run a command as a privileged pod does, `oc debug node/…` or podman with -v /:/host: with a root
    and mounts of its own, the host's processes, network and devices, and the host's root at /host. Its own root is the
    folder `image` of the machine; else it has the machine's programs, read-only."""
    root = (f"--bind {image} /" if image else
            "--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64")
    return f"bwrap {root} --proc /proc --dev /dev --dev-bind / /host --cap-add ALL {command}"


class Bed:
    def __init__(self, name, image, folder, tap, shard=(1, 1)):
        self.name, self.image, self.folder, self.tap, self.shard = name, image, Path(folder), tap, shard
        self.facts, self.url, self.machine = image.facts, None, None
        self._transcript = None
        self._open = contextlib.ExitStack()

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind, value, trace):
        return self._open.__exit__(kind, value, trace)

    def boot(self, booted=True):
        """The case's machine; `booted`: from the snapshot after its first boot, else from power-on."""
        self.machine = self._open.enter_context(Machine(self.image, self.folder, booted))
        return self.machine

    @contextlib.contextmanager
    def use(self, machine):
        """A machine of the case's own making, started and stopped, instead of boot()'s."""
        before, self.machine = self.machine, machine
        try:
            with machine:
                yield machine
        finally:
            self.machine = before

    def share(self, things):
        """This run's part of them (run --shard)."""
        number, of = self.shard
        return things[number - 1::of]

    def serve(self, root=None):
        """nginx with a folder, else with the node's repositories, which the machine reaches at the returned URL."""
        server = subprocess.Popen([NODE_TOOLS / "serve", root or self.image.node, "0", "--state", self.folder / "nginx"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=open(self.folder / "nginx.log", "ab"), text=True)
        self._open.callback(lambda: (server.terminate(), server.wait()))
        address = server.stdout.readline()
        expect(address.startswith("http://127.0.0.1:"), f"nginx did not start, see {self.folder}/nginx.log")
        self.url = address.strip().replace("127.0.0.1", HOST)
        return self.url

    def repository_script(self, folder="repo"):
        """Script that configures a served repository as an admin would, key included."""
        key = (self.image.node / "keys/RPM-GPG-KEY-rtnode-test").read_text()
        repo = next((self.image.node / folder).glob("*.repo"))
        text = repo.read_text().replace("@BASEURL@", f"{self.url}{folder}")
        text = text.replace("@GPGKEY@", "file:///etc/pki/rpm-gpg/RPM-GPG-KEY-rtnode-test")
        return (f"mkdir -p /etc/pki/rpm-gpg /etc/yum.repos.d\n"
                f"printf %s {shlex.quote(key)} >/etc/pki/rpm-gpg/RPM-GPG-KEY-rtnode-test\n"
                f"printf %s {shlex.quote(text)} >/etc/yum.repos.d/{repo.name}\n"
                f"systemctl reload rtnoded\n")

    def package(self, name):
        """URL of the package of the served repository with this name (the last one)."""
        return self.url + [p["file"] for p in self.facts["repo"] if p["name"] == name][-1]

    # The daemon, by busctl in the machine.

    def read(self, words):
        """busctl's answer to `call …` or `get-property …` as plain values: of a method a list of its replies."""
        return plain(json.loads(self.machine.ok(f"busctl --json=short --timeout=infinity {words}"))["data"])

    def manager(self, name):
        """A property of the manager."""
        return self.read(f"get-property {MANAGER} {name}")

    def deployments(self):
        return self.manager("Deployments")

    def submit(self, words):
        """`Method signature arguments…` of the manager that returns a job; returns its path."""
        return self.read(f"call {MANAGER} {words}")[0]

    def kernel_arguments(self, *append, options="0"):
        return self.submit(f"SetKernelArguments 'asasa{{sv}}' {len(append)} {' '.join(append)} 0 {options}")

    def job(self, path, name):
        """A property of a job."""
        return self.read(f"get-property org.rtnode1 {path} org.rtnode1.Job {name}")

    def ended(self, path):
        """Waits until the job has ended; returns its state."""
        self.machine.run(f"busctl --timeout=infinity call org.rtnode1 {path} org.rtnode1.Job Wait")
        return self.job(path, "State")

    def done(self, path):
        """Waits for a job that must end well; returns its result."""
        state = self.ended(path)
        expect(state == "done", f"job {path} is {state}: {self.job(path, 'ErrorMessage')}")
        return self.job(path, "Result")

    def refused(self, command, *parts):
        """A command that must fail, with a message that holds the parts."""
        result = self.machine.run(command)
        expect(result.rc != 0, f"not refused: {command}\n{result.out}")
        for part in parts:
            expect_in(part, result.out, f"the message of `{command}`")

    def verified(self):
        """The rows of Verify by the name of their check."""
        return {row["check"]: row for row in self.read(f"call {MANAGER} Verify 'a{{sv}}' 0")[0]}

    def hanging_job(self):
        """A job that has come to a scriptlet which never ends; only Cancel or worse ends it. Needs serve()."""
        path = self.submit(f"Override 'asasasa{{sv}}' 0 0 1 {self.url}bad/hangs-in-post.rpm 0")
        self.until("pgrep -x sleep -a | grep -q infinity", f"the scriptlet of {path} runs")
        return path

    def until(self, condition, what, limit=300):
        """Waits in the machine until the condition, a command, holds. It asks each second: for states of which nobody
        sends a signal that a shell could wait for (processes, inhibitors, units that systemd starts again)."""
        result = self.machine.run(f"for (( i = 0; i < {limit}; ++i )); do if {condition}; then exit 0; fi; sleep 1; done\n"
                                  "exit 1", limit * 4)
        expect(result.rc == 0, f"in vain waited until {what}: {condition}\n{result.out}")

    @contextlib.contextmanager
    def step(self, sentence):
        """A sentence that holds when nothing is raised within; a case ends with the first one that doesn't."""
        try:
            yield
        except CaseFailed:
            raise
        except Exception as error:  # a report, whatever it was
            self.tap.result(False, sentence)
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.tap.note(f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {error}")
            raise CaseFailed(sentence) from error
        self.tap.result(True, sentence)

    def transcript(self, path):
        self._transcript = self._open.enter_context(open(path, "w", encoding="utf-8"))

    def tell(self, text=""):
        if self._transcript:
            print(text, file=self._transcript, flush=True)

    def shown(self, command, rc=0):
        """Runs a command as one would type it and writes it into the transcript; returns its output."""
        result = self.machine.run(command)
        self.tell(f"sh-4.4# {command}" + (f"\n{result.out}" if result.out else ""))
        expect_equal(result.rc, rc, f"exit status of `{command}` with the output\n{result.out}\n")
        return result.out
