"""Power cuts at marks and writes of a recording: each must leave a machine that boots, sound and truthful.

A recorded job passes these marks: `before`, `written` (/var/kept was flushed, /var/lost wasn't), `accepted` (the caller has
the job's path), the worker's failpoints, `done` (the caller has its result), `rebooting`, `off`, `booted`.
"""

import base64
import copy
import re
import time
from dataclasses import dataclass
from pathlib import Path

from bed import MANAGER, CaseFailed, expect, expect_equal, expect_in
from image import TOP, command
from machine import Machine
from recording import Recording
from write_log import Medium

FAILPOINTS = "/run/failpoint"
NOT_ASKED_YET = ("", "before", "written")
AFTER_DONE = ("done", "rebooting", "off", "booted", "settled")


def failpoint_names():
    """As the worker's source lists them, in the order in which an override passes them."""
    source = (TOP / "daemon/worker/failpoint.cpp").read_text()
    return re.findall(r'"([a-z-]+)"', re.search(r"names\{(.*?)\};", source, re.S).group(1))


def meet_failpoints(bed):
    """The daemon's workers wait at each failpoint until they are told to go on. Forgotten with the next boot."""
    bed.machine.ok(f"mkdir -p {FAILPOINTS} /run/systemd/system/rtnoded.service.d\n"
                   f"mkfifo {FAILPOINTS}/reached {FAILPOINTS}/go\n"
                   f"printf '[Service]\\nEnvironment=RTNODE_FAILPOINT=every={FAILPOINTS}\\n' "
                   ">/run/systemd/system/rtnoded.service.d/failpoint.conf\n"
                   "systemctl daemon-reload; systemctl restart rtnoded")


def small_override(bed):
    """A package and an argument: an override that makes no new initramfs."""
    bed.machine.ok(bed.repository_script("repo2"))
    return bed.submit("Override 'asasasa{sv}' 1 rtnode-tools 0 0 1 append-kernel-arguments as 1 power.cut=1")


def kernel_swap(bed):
    """Microcode, kernel and arguments at once, as the RHCOS-RT how-to."""
    bed.machine.ok(bed.repository_script())
    return bed.submit(f"Override 'asasasa{{sv}}' 1 {bed.package('microcode_ctl')} 0 0 "
                      "2 kernel s rt append-kernel-arguments as 2 nohz=on skew_tick=1")


def leave_out_flushes(bed):
    """From here on fsync, syncfs and the like do nothing in any program (libeatmydata), and the kernel writes nothing
    by itself: what is left of a job is what a power cut would leave had its author forgotten to flush."""
    library = base64.encodebytes(Path("/usr/lib/x86_64-linux-gnu/libeatmydata.so").read_bytes()).decode()
    bed.machine.ok(f"base64 -d >/var/lib/no-flush.so <<'END'\n{library}END\n"
                   "sync; sysctl -q vm.dirty_writeback_centisecs=0; mount -o remount,commit=3600 /var\n"
                   "echo /var/lib/no-flush.so >/etc/ld.so.preload; systemctl restart rtnoded")


def record_unflushed_job(bed, machine, submit):
    """Plays submit(bed)'s job up to its result, with every flush left out."""
    leave_out_flushes(bed)
    before = bed.manager("KernelArguments")
    job = submit(bed)
    machine.mark("accepted")
    result = bed.done(job)
    machine.mark("done")
    return facts_of(bed, job, before, result)


def facts_of(bed, job, before, result):
    return {"job": job, "old": {"checksum": bed.facts["commit"], "arguments": before},
            "new": {"checksum": result["checksum"], "arguments": result["kernel-arguments"]}}


def record_job(bed, machine, submit):
    """Plays submit(bed)'s job from its request to the boot of what it made; returns the recording's facts."""
    meet_failpoints(bed)
    before = bed.manager("KernelArguments")
    machine.ok("systemctl is-system-running --wait || systemctl --failed --no-pager; sync")
    machine.mark("before")
    machine.ok("echo kept >/var/kept; sync /var/kept /var; echo lost >/var/lost")
    machine.mark("written")
    job = submit(bed)
    machine.mark("accepted")
    # One that ends early is the next to be met.
    machine.ok(f"(busctl --timeout=infinity call org.rtnode1 {job} org.rtnode1.Job Wait >/run/end 2>&1\n"
               f"echo end >{FAILPOINTS}/reached) </dev/null >/dev/null 2>&1 &")
    for name in failpoint_names():
        expect_equal(machine.ok(f"cat {FAILPOINTS}/reached"), name, "the next failpoint")
        machine.mark(name)
        machine.ok(f"echo >{FAILPOINTS}/go")
    expect_equal(machine.ok(f"cat {FAILPOINTS}/reached"), "end", "what comes after the last failpoint")
    machine.mark("done")
    result = bed.done(job)
    machine.mark("rebooting")
    machine.reboots(f"busctl call {MANAGER} Reboot 'a{{sv}}' 0")
    machine.mark("booted")
    # The first seconds of the new deployment belong to the recording.
    machine.ok("systemctl is-system-running --wait || systemctl --failed --no-pager")
    bed.verified()
    machine.ok("sync")
    machine.mark("settled")
    return facts_of(bed, job, before, result)


def finalization_cuts(recording, count):
    """Between the wish to reboot and the boot loader. With libostree before 2025.2 alone some of these don't boot: see
    daemon/boot/loader_guard.hpp."""
    return recording.cuts_between("rebooting", "off", count, "during finalization")


def cuts_everywhere(recording, in_job, finalizing, booting, settling):
    """At each failpoint and so many random moments of each part: of the job, its finalization, the boot of what it made,
    and the first seconds after."""
    return [recording.cut_at("accepted"), recording.cut_at("done"),
            *(recording.cut_at(name, seed=name) for name in failpoint_names()),
            *recording.cuts_between("accepted", "done", in_job, "in the job"),
            *finalization_cuts(recording, finalizing),
            recording.cut_at("off"),
            *recording.cuts_between("off", "booted", booting, "while the new deployment boots"),
            *recording.cuts_between("booted", "settled", settling, "right after its boot")]


def recorded(bed, submit, play=record_job):
    """The recording of submit's job by record_job() or its like."""
    return Recording.of(bed, f"{play.__name__}-of-{submit.__name__}".replace("_", "-"),
                        lambda b, machine: play(b, machine, submit))


@dataclass
class Outcome:
    new: bool  # the new deployment was booted
    blocks: tuple  # of the disk's cache: lost, kept
    seconds: float


class PowerCuts:
    """Cuts the power of a recorded run; the cuts must come in the order of their positions. Use it as a context."""

    def __init__(self, bed, recording, submit, repeats=None):
        """`submit` is asked again after a cut: after so many of them, evenly spread, or after each."""
        self.bed, self.recording, self.submit, self.repeats = bed, recording, submit, repeats
        self.folder = bed.folder / "cuts"
        self.folder.mkdir(exist_ok=True)
        self.medium = Medium(recording.log, self.folder / "medium.raw")
        self.disk = self.folder / "disk.raw"
        self._copy(bed.image.disk, self.medium.image)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.medium.image.unlink(missing_ok=True)
        self.disk.unlink(missing_ok=True)

    def tried(self, cuts):
        """A step a cut, failed ones too; what is left of those is in folders of their own. Tells the number at the end."""
        survived = 0
        cuts = self.bed.share(sorted(cuts, key=lambda cut: cut.position))
        every = 1 if self.repeats is None else max(1, len(cuts) // self.repeats)
        for number, cut in enumerate(cuts):
            repeated = number % every == 0
            try:
                with self.bed.step(f"power cut {cut.name}: the machine boots, sound and truthful"
                                   + (", and takes the job again" if repeated else "")):
                    outcome = self.survived(cut, repeated)
                survived += 1
                lost, kept = outcome.blocks
                self.bed.tap.note(f"the {'new' if outcome.new else 'old'} deployment after {outcome.seconds:.0f} s; "
                                  f"unflushed blocks: {lost} lost, {kept} kept")
            except CaseFailed:
                continue
        self.bed.tap.note(f"power cuts survived: {survived} of {len(cuts)}")

    def disk_after(self, cut):
        """The disk as the cut leaves it, and the blocks (lost, kept) of the disk's cache."""
        self.medium.advance(self.recording.log.flushed_at(cut.position))
        self._copy(self.medium.image, self.disk)
        return self.disk, self.medium.cut(cut.position, self.disk, cut.seed)

    def boot_after(self, cut):
        """(machine that boots from the disk after the cut, blocks lost and kept); use it with bed.use()."""
        disk, blocks = self.disk_after(cut)
        image = copy.copy(self.bed.image)
        image.disk = disk
        return Machine(image, self.folder / f"at-{cut.position}", booted=False), blocks

    def survived(self, cut, repeated):
        """Boots, looks whether all is right, asks for the same again. Returns the Outcome; raises what is wrong."""
        began = time.monotonic()
        machine, blocks = self.boot_after(cut)
        self._repository_is_whole()
        with self.bed.use(machine):
            new = self._which_deployment(self.recording.phase(cut.position))
            self._sound()
            # The switch stood in the journal of /boot: the boot loader didn't see it, the kernel did.
            next_is_new = self.bed.deployments()[0]["checksum"] == self.recording.facts["new"]["checksum"]
            self._truthful(cut, new, next_is_new)
            if repeated:
                self._repeated(next_is_new)
        return Outcome(new, blocks, time.monotonic() - began)

    def _repository_is_whole(self):
        """On this host and a copy, since hashing all objects takes the emulated machine a minute. Mounting replays the
        journal as the machine's own kernel will."""
        probe = self.folder / "probe.raw"
        self._copy(self.disk, probe)
        try:
            command("unshare", "--mount", "sh", "-euc",
                    'mount -o loop "$1" /mnt; ostree --repo=/mnt/ostree/repo fsck --quiet; umount /mnt', "sh", probe)
            command("e2fsck", "-fn", probe)
        finally:
            probe.unlink()

    def _which_deployment(self, phase):
        """Old or new, but wholly."""
        bed, facts = self.bed, self.recording.facts
        booted = next(d for d in bed.deployments() if d.get("booted"))
        is_new = booted["checksum"] == facts["new"]["checksum"]
        wanted = facts["new" if is_new else "old"]
        expect_equal(booted["checksum"], wanted["checksum"], "the booted commit")
        words = [w for w in bed.machine.ok("cat /proc/cmdline").split() if not w.startswith(("BOOT_IMAGE=", "ostree="))]
        expect_equal(words, wanted["arguments"], "the kernel command line")
        if phase == "rebooting":
            return is_new
        expect_equal(is_new, phase in ("off", "booted", "settled"), f"whether the new deployment is booted after '{phase}'")
        return is_new

    def _sound(self):
        machine = self.bed.machine
        machine.ok("systemctl is-system-running --wait || { systemctl --failed --no-pager; false; }")
        self.bed.until("! pgrep -x rtnode-worker", "what a dead job left is removed")
        expect_equal(machine.ok("find /sysroot/ostree/repo/tmp -mindepth 1 -maxdepth 1 -name '*rtnode*'"), "",
                     "folders of a dead job")

    def _truthful(self, cut, new, next_is_new):
        bed, facts = self.bed, self.recording.facts
        phase = self.recording.phase(cut.position)
        expect_equal(bed.manager("Activity"), "idle", "Activity")
        expect_equal(bed.manager("RebootRequired"), next_is_new and not new, "RebootRequired")
        if phase in NOT_ASKED_YET:
            # The number may be on the disk already, and the job a moment before its caller knows of it.
            for job in bed.manager("Jobs"):
                expect_equal(bed.job(job, "State"), "interrupted", f"the state of {job}")
            return
        expect_in(facts["job"], bed.manager("Jobs"), "a job that was accepted is not forgotten; Jobs")
        state = bed.job(facts["job"], "State")
        done = phase in AFTER_DONE
        expect(state == "done" or (state == "interrupted" and not done), f"the job is {state} after '{phase}'")
        if state == "done":
            expect_equal(bed.job(facts["job"], "Result")["checksum"], facts["new"]["checksum"], "the job's result")
        row = bed.verified()["booted-deployment"]
        expected = "ok" if new else "failed" if state == "done" else "not-applicable"
        expect_equal(row["state"], expected, f"what Verify says of the booted deployment: {row}")
        lost = expected == "failed" and not next_is_new
        expect_equal(bed.manager("NotBooted"), row["remedy"] if lost else "", "NotBooted")
        if expected == "failed" and next_is_new:
            expect_in("is booted next: reboot", row["remedy"], "what Verify says of a deployment that waits")

    def _repeated(self, next_is_new):
        """The same request once more is done: by nothing to do, or by staging the same tree."""
        result = self.bed.done(self.submit(self.bed))
        expect_equal(result["nothing-to-do"], next_is_new, "nothing-to-do of the repeated job")
        expect_equal(result["kernel-arguments"], self.recording.facts["new"]["arguments"], "its kernel arguments")
        expect(next_is_new or result["staged"], f"staged: {result}")

    @staticmethod
    def _copy(source, target):
        command("cp", "--sparse=always", "--reflink=auto", source, target)


def survives_cuts_everywhere(bed, submit, **moments):
    """The whole case: submit's job is recorded, and its power cut as cuts_everywhere() says."""
    bed.serve()
    with bed.step("the job is recorded, from the request to the boot of what it made"):
        recording = recorded(bed, submit)
    with PowerCuts(bed, recording, submit, repeats=3) as cuts:
        cuts.tried(cuts_everywhere(recording, **moments))
