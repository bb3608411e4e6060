"""The RT kernel has a tracer of noise, osnoise: it names who made a spike, and everybody's settings of it stay theirs."""

import json

from bed import HOG, MANAGER, expect, expect_equal, expect_in

LATENCY = "org.rtnode1 /org/rtnode1/latency org.rtnode1.Latency"
TRACING = "/sys/kernel/tracing"
# What a trace may not leave changed.
STATE = (f"cd {TRACING}; for file in current_tracer tracing_on osnoise/*; do echo $file: $(cat $file); done; "
         "ls instances; ps -A -o comm= | grep -E '^(osnoise|timerlat)/' || true")


def case(bed):
    bed.serve()
    machine = bed.boot()
    machine.ok(bed.repository_script())

    def start(**options):
        options = {"duration": "s 20s", "cpus": "s 1", "interval": "u 50000", "priority": "u 80", "spike": "u 100000",
                   "trace": "b true", **options}
        words = " ".join(f"{key} {value}" for key, value in options.items())
        return bed.read(f"call {LATENCY} Start 'a{{sv}}' {len(options)} {words}")[0]

    def report(run):
        machine.ok(f"busctl --timeout=infinity call org.rtnode1 {run} org.rtnode1.Measurement Wait")
        return json.loads(bed.read(f"call org.rtnode1 {run} org.rtnode1.Measurement GetReport s json")[0])

    def hogs_in(result):
        return [hint for spike in result["spikes"] for hint in spike["hints"]
                if hint.startswith("thread bash:") and "(real-time priority 90) for" in hint]

    with bed.step("the node runs the RT kernel, which has osnoise"):
        bed.done(bed.submit("Override 'asasasa{sv}' 0 0 0 1 kernel s rt"))
        machine.reboots(f"busctl call {MANAGER} Reboot 'a{{sv}}' 0")
        expect_equal(machine.kernel, bed.facts["kernels"]["rt_new"]["kver"], "the kernel")
        bed.until("busctl get-property org.rtnode1 /org/rtnode1 org.rtnode1.Manager Version", "the daemon is there")
        machine.ok(f"mountpoint -q {TRACING} || mount -t tracefs tracefs {TRACING}")
        expect_in("osnoise", machine.ok(f"cat {TRACING}/available_tracers").split(), "the kernel's tracers")
        before = machine.ok(STATE)
        expect_in(" OSNOISE_WORKLOAD", before, "osnoise's options")

    with bed.step("it runs on the measured CPU, without a thread of its own, while that is measured"):
        run = start()
        meanwhile = machine.ok(STATE)
        expect_in("NO_OSNOISE_WORKLOAD", meanwhile, "osnoise's options")
        expect_in("osnoise/cpus: 1\n", meanwhile, "osnoise's CPUs")
        expect("osnoise/1" not in meanwhile.splitlines(), f"a thread of osnoise:\n{meanwhile}")
        expect_equal(machine.ok(f"cat {TRACING}/instances/rtnode-1:*/current_tracer"), "osnoise", "our instance's tracer")

    with bed.step("a thread that takes the CPU is named, with its priority and how long it had it"):
        machine.ok(HOG)
        result = report(run)
        expect(hogs_in(result), f"the hog among the hints: {result['spikes'][:3]}")
        expect_in("who had the measured CPUs was traced by the kernel's tracer osnoise", result["notes"], "notes")

    with bed.step("after it tracefs is as before"):
        expect_equal(machine.ok(STATE), before, "tracefs")

    with bed.step("timerlat does it when it is asked for"):
        run = start(tracer="s timerlat")
        meanwhile = machine.ok(STATE)
        expect_in("osnoise/timerlat_period_us: 1000000\n", meanwhile, "timerlat's period")
        expect_in("timerlat/1", meanwhile.splitlines(), "timerlat's threads")
        expect("timerlat/0" not in meanwhile.splitlines(), f"a thread on a CPU that isn't measured:\n{meanwhile}")
        machine.ok(HOG)
        result = report(run)
        expect(hogs_in(result), f"the hog among the hints: {result['spikes'][:3]}")
        expect_equal(machine.ok(STATE), before, "tracefs after it")

    with bed.step("a tracer that somebody else runs is left alone, and the trace made without it"):
        machine.ok(f"mkdir {TRACING}/instances/theirs && echo timerlat >{TRACING}/instances/theirs/current_tracer")
        theirs = machine.ok(STATE)
        bed.refused(f"busctl call {LATENCY} Start 'a{{sv}}' 4 duration s 1s spike u 100 trace b true tracer s osnoise",
                    "in tracefs' instance theirs")
        run = start(duration="s 2s")
        result = report(run)
        expect_in("single events: the tracer timerlat runs already, in tracefs' instance theirs", str(result["notes"]),
                  "notes")
        expect_equal(machine.ok(STATE), theirs, "tracefs, and timerlat's threads")
        machine.ok(f"rmdir {TRACING}/instances/theirs")
        expect_equal(machine.ok(STATE), before, "tracefs without it")

    with bed.step("when the daemon is killed the next one sets tracefs back"):
        start(duration="s 1h")
        expect_in("NO_OSNOISE_WORKLOAD", machine.ok(STATE), "osnoise's options")
        machine.ok("systemctl kill -s KILL rtnoded; systemctl restart rtnoded")
        bed.until("busctl get-property org.rtnode1 /org/rtnode1 org.rtnode1.Manager Version", "the daemon is there")
        expect_equal(machine.ok(STATE), before, "tracefs")
