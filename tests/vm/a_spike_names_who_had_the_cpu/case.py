"""A latency that is too high is traced: by the unit as installed, with a hog of higher priority as the culprit."""

import json

from bed import HOG, expect, expect_equal, expect_in

LATENCY = "org.rtnode1 /org/rtnode1/latency org.rtnode1.Latency"


def case(bed):
    machine = bed.boot()
    machine.ok("umount /sys/kernel/tracing 2>/dev/null || true")

    with bed.step("without tracefs the wish is refused, and the remedy named"):
        bed.refused(f"busctl call {LATENCY} Start 'a{{sv}}' 3 duration s 1s spike u 100 trace b true",
                    "sys-kernel-tracing.mount")

    with bed.step("a thread that takes the CPU is named, with its priority and how long it had it"):
        machine.ok("mount -t tracefs tracefs /sys/kernel/tracing")
        run = bed.read(f"call {LATENCY} Start 'a{{sv}}' 6 duration s 20s cpus s 1 interval u 50000 priority u 80 "
                       "spike u 100000 trace b true")[0]
        machine.ok(HOG)
        machine.ok(f"busctl --timeout=infinity call org.rtnode1 {run} org.rtnode1.Measurement Wait")
        report = bed.read(f"call org.rtnode1 {run} org.rtnode1.Measurement GetReport s json")[0]
        spikes = json.loads(report)["spikes"]
        hints = [hint for spike in spikes for hint in spike["hints"]]
        expect([h for h in hints if h.startswith("thread bash:") and "(real-time priority 90) for" in h],
               f"the hog among the hints: {spikes[:3]}")

    with bed.step("nothing of the trace is left"):
        expect_equal(machine.ok("ls /sys/kernel/tracing/instances"), "", "instances of tracefs")

    with bed.step("the result knows the machine: deployment, kernel and what spoils latency"):
        result = json.loads(report)["sysinfo"]
        expect_equal(result["deployment"], bed.facts["commit"], "the booted deployment's commit")
        findings = {finding["check"]: finding for finding in result["findings"]}
        expect_equal(findings["preemption"]["state"], "bad", "the stock kernel's preemption")
        expect_in("kernel=rt", findings["preemption"]["remedy"], "its remedy")
        expect_equal(findings["virtual-machine"]["state"], "note", "an emulated machine")
