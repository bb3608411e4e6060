"""The RHCOS-RT how-to by the scripts for a debug pod, there and back: convert, status, verify, measure, roll back.

The transcript, build/vm/the_how_to_by_debug_pod_scripts.log, is what an admin sees.
"""

import base64
import re
from pathlib import Path

from bed import expect, expect_in, pod

SCRIPTS = Path(__file__).resolve().parents[3] / "packaging/openshift/debug-pod"
# No idle=poll here: two emulated CPUs that never idle make a boot take minutes.
ARGUMENTS = ["nohz=on", "nosoftlockup", "nmi_watchdog=0", "skew_tick=1", "irqaffinity=0"]
INTERVAL_US = 50_000  # emulated CPUs wake tens of milliseconds late


def case(bed):
    facts = bed.facts
    stock, realtime = facts["kernels"]["stock"]["kver"], facts["kernels"]["rt_new"]["kver"]
    bed.transcript(bed.folder.parent / "the_how_to_by_debug_pod_scripts.log")
    bed.serve()

    def sent(script):
        """A shell command that does as `on` does, on the machine: the script comes by standard input."""
        text = "{\n" + (SCRIPTS / "lib.sh").read_text() + (SCRIPTS / f"{script}.sh").read_text() + "exit; } </dev/null\n"
        return f"base64 -d <<<{base64.b64encode(text.encode()).decode()} | {pod()} bash -s --"

    def on_node(script, *arguments, rc=0):
        words = " ".join(arguments)
        result = machine.run(f"{sent(script)} {words}")
        bed.tell(f"$ on worker-0 {script} {words}\n{result.out}\n")
        expect(result.rc == rc, f"exit status of {script} {words}: {result.rc}\n{result.out}")
        return result.out

    def reboots(script, *arguments):
        words = " ".join([*arguments, "--reboot"])
        said = machine.reboots(f"{sent(script)} {words}")
        bed.tell(f"$ on worker-0 {script} {words}\n{said}\n")
        # The daemon may have gone before it told the end.
        expect(not re.search(r"Job \d+ failed|Call failed", said), f"no job failed, and none of busctl's words: {said}")

    with bed.step("status tells what the node is before"):
        machine = bed.boot()
        machine.ok(bed.repository_script())
        expect_in(stock, on_node("status"), "the kernel before")

    with bed.step("convert refuses what it doesn't know, and says what it knows"):
        expect_in("--profile", on_node("convert", "--kernel", "rt", rc=2), "the known options")

    with bed.step("convert makes one deployment of microcode, kernel and arguments, and reboots into it"):
        reboots("convert", "--microcode", "microcode_ctl", *(f"--kernel-argument {a}" for a in ARGUMENTS))
        expect(machine.kernel == realtime, f"the kernel after the reboot: {machine.kernel}")

    with bed.step("status and verify say that it is as it was asked for"):
        expect_in(realtime, on_node("status"), "the kernel after")
        expect_in(" 0 wrong", on_node("verify"), "the checks")
        expect_in("skew_tick=1", machine.ok("cat /proc/cmdline"), "the kernel command line")

    with bed.step("convert again tells how the job ended that the reboot took it from, or has nothing to do"):
        again = on_node("convert", "--microcode", "microcode_ctl", *(f"--kernel-argument {a}" for a in ARGUMENTS))
        expect("goes on with it" in again or "Nothing to do" in again, f"what it says: {again}")
        expect_in("What runs is what was asked for", again, "what it says at last")

    with bed.step("measure prints cyclictest's three lines"):
        lines = re.findall(r"^# (\w+) Latencies: (\d+) (\d+)$",
                           on_node("measure", "10s", "--interval", str(INTERVAL_US)), re.M)
        expect([line[0] for line in lines] == ["Min", "Avg", "Max"], f"the three lines: {lines}")

    with bed.step("a pod that is killed leaves a measurement which the next one goes on with"):
        machine.ok("cat >/run/measure <<'END'\n" + f"{sent('measure')} 20s --interval {INTERVAL_US}\nEND\n"
                   "systemd-run -q --unit=pod bash /run/measure")
        bed.until("pgrep -f 'org.rtnode1.Measurement Wait'", "the pod waits for its measurement")
        machine.ok("systemctl kill -s KILL pod")
        bed.until("! systemctl is-active -q pod", "the pod is gone")
        expect_in("goes on with it", on_node("measure", "20s", "--interval", str(INTERVAL_US)), "what the next one says")

    with bed.step("rollback boots the stock kernel again"):
        reboots("rollback")
        expect(machine.kernel == stock, f"the kernel after the rollback: {machine.kernel}")
        expect_in(stock, on_node("status"), "the kernel that status tells")
