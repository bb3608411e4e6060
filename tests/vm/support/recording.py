"""A machine whose every write is kept, with marks where something happened, so that power can be cut there afterwards."""

import json
import random
import shutil
import time
from dataclasses import dataclass

from image import locked
from machine import BOOT_LIMIT, Machine, MachineError
from write_log import WriteLog


class RecordedMachine(Machine):
    """A machine from power-on; mark() says what the log's position means. A reboot ends QEMU: see reboots()."""

    def __init__(self, image, folder, log):
        super().__init__(image, folder, booted=False)
        self.marks = {}
        self._path, self._log = log, None

    def start(self):
        self._path.touch()
        return super().start()

    def mark(self, name):
        """What the machine has written by now was written before `name` was seen from outside."""
        self._log = self._log or WriteLog(self._path)
        self.marks[name] = self._log.position()

    def reboots(self, script=None, limit=BOOT_LIMIT):
        """Marks `off` where the kernel has handed the machine back, before the boot loader."""
        self.ends(script, limit)
        self.mark("off")
        self.power_on()
        return ""

    def _disk_options(self):
        append = "on" if self._path.stat().st_size else "off"
        return ["-no-reboot",
                "-blockdev", f"driver=file,node-name=disk-file,filename={self.disk},cache.no-flush=on",
                "-blockdev", "driver=qcow2,node-name=disk,file=disk-file,cache.no-flush=on",
                "-blockdev", f"driver=file,node-name=log,filename={self._path},cache.no-flush=on",
                "-blockdev", f"driver=blklogwrites,node-name=logged,file=disk,log=log,log-append={append}",
                "-device", "virtio-blk-pci,drive=logged,write-cache=on"]


@dataclass(frozen=True)
class Cut:
    name: str  # a few words for people
    position: int
    seed: object = None  # None: nothing survives that wasn't flushed; else which of it does


class Recording:
    """`folder` with writes.log and facts.json: the marks, and what else the recorded case wants to know later."""

    def __init__(self, folder):
        self.folder = folder
        self.log = WriteLog(folder / "writes.log")
        self.length = self.log.position()
        self.facts = json.loads((folder / "facts.json").read_text())
        self.marks = self.facts["marks"]

    @classmethod
    def of(cls, bed, name, play):
        """What play(bed, machine) does on a machine of its own; it returns further facts. One that is there for this
        image is taken as it is: the image's name depends on this folder's scripts too, so play() must be one of them."""
        folder = bed.image.folder / f"recording-{name}"
        with locked(bed.image.folder / "recording.lock"):
            if not (folder / "complete").exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                began = time.monotonic()
                machine = RecordedMachine(bed.image, bed.folder, folder / "writes.log")
                with bed.use(machine):
                    facts = play(bed, machine)
                (folder / "facts.json").write_text(json.dumps(dict(facts, marks=machine.marks), indent=1))
                (folder / "complete").touch()
                bed.tap.note(f"recording: {time.monotonic() - began:.0f} s")
        return cls(folder)

    def cut_at(self, mark, seed=None):
        return Cut(f"at '{mark}'", self.marks[mark], seed)

    def cuts_between(self, first, last, count, what, torn=True):
        """`count` cuts at random writes between two marks, the same in every run; `torn`: in half of them some of what
        wasn't flushed survives."""
        chance = random.Random(f"{first} {last}")
        low, high = self.marks[first] + 1, self.marks[last]
        positions = sorted(chance.sample(range(low, high), min(count, max(0, high - low))))
        return [Cut(f"{what}, at write {position} of {self.length}", position, position if torn and n % 2 else None)
                for n, position in enumerate(positions)]

    def phase(self, position):
        """The last mark at or before the position; '' before the first one."""
        passed = [name for name, at in self.marks.items() if at <= position]
        return passed[-1] if passed else ""
