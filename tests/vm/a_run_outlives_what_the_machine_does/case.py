"""A measurement isn't fooled and hurts nobody: CPUs that go away, a clock that is set, pods, kill -9, a load."""

import json
import re

from bed import expect, expect_equal, expect_in

LATENCY = "org.rtnode1 /org/rtnode1/latency org.rtnode1.Latency"
MEASUREMENT = "org.rtnode1.Measurement"
INTERVAL_US = 50_000  # emulated CPUs wake tens of milliseconds late
HALF_AN_HOUR_NS = 1_800_000_000_000

ONLINE = "/sys/devices/system/cpu/cpu1/online"
INSTANCES = "/sys/kernel/tracing/instances"
KUBELET = "/var/lib/kubelet"
POD = "59ad49f6-7ec6-4a71-a6c5-1b6e7d7a3b12"
DMA_LATENCY_HOLDERS = "find /proc/[0-9]*/fd -lname /dev/cpu_dma_latency 2>/dev/null | cut -d/ -f3 | sort -u"
LOAD_UNITS = "systemctl list-units --all --plain --full --no-legend 'rtnode-load-*'"


def starting(cpus, duration, more="", interval=INTERVAL_US):
    """busctl's words that start a run; `cpus` "" = all."""
    words = f"duration s {duration} interval u {interval} {more}".split() + (["cpus", "s", cpus] if cpus else [])
    return f"call {LATENCY} Start 'a{{sv}}' {len(words) // 3} {' '.join(words)}"


def case(bed):
    machine = bed.boot()

    def start(*what, **how):
        return bed.read(starting(*what, **how))[0]

    def state(run):
        return bed.read(f"get-property org.rtnode1 {run} {MEASUREMENT} State")

    def outcome(run):
        """What Wait answers with when a run has ended well."""
        return bed.read(f"call org.rtnode1 {run} {MEASUREMENT} Wait")[1]

    def stopped(run):
        machine.ok(f"busctl call org.rtnode1 {run} {MEASUREMENT} Stop")
        return outcome(run)

    def uptime():
        """Seconds of a clock that nobody can set."""
        return float(machine.ok("cut -d' ' -f1 /proc/uptime"))

    def expect_whole(result, deadlines):
        expect_equal((result["end"], result["cycles"] + result["missed"], result["invalid"]),
                     ("duration", deadlines, []), "how the run ended, its deadlines, and the reasons not to trust it")

    def expect_untouched(run, since):
        """It runs until it is stopped here, has accounted for each deadline since then, and can be trusted."""
        expect_equal(state(run), "running", f"the state of {run}")
        passed = int((uptime() - since) * 1_000_000 / INTERVAL_US)
        result = stopped(run)
        expect_equal((result["end"], result["invalid"]), ("stopped", []), f"the end of {run}, reasons not to trust it")
        # One at each end may lie outside of the two readings of the clock.
        expect(result["cycles"] + result["missed"] >= passed - 2, f"{passed} deadlines passed, accounted for: {result}")

    def expect_taken_away(run, *words):
        """It has ended before its time, is not valid, and one reason has all these words."""
        result = outcome(run)
        expect_equal((result["end"], result["valid"]), ("stopped", False), f"the end of {run}, and whether it is valid")
        expect(any(all(word in reason for word in words) for reason in result["invalid"]),
               f"a reason with {words}: {result['invalid']}")

    def daemon():
        return machine.ok("systemctl show -P MainPID rtnoded")

    def kill_daemon():
        pid = daemon()
        machine.ok(f"kill -KILL {pid}")
        bed.until(f"[ $(systemctl show -P MainPID rtnoded) != {pid} ] && systemctl is-active -q rtnoded",
                  "the unit is active again")

    def assign(containers):
        """As kubelet's static CPU manager does when a pod comes or goes."""
        entries = {POD: containers} if containers else {}
        checkpoint = json.dumps({"policyName": "static", "defaultCpuSet": "0", "entries": entries, "checksum": 1})
        machine.ok(f"mkdir -p {KUBELET}\nprintf %s '{checkpoint}' >{KUBELET}/new\n"
                   f"mv {KUBELET}/new {KUBELET}/cpu_manager_state")

    since_boot = daemon()

    with bed.step("a CPU that goes offline ends the run on it, which says so, and no other run"):
        other = start("0", "1h")
        since = uptime()
        run = start("1", "1h")
        machine.ok(f"echo 0 >{ONLINE}")
        expect_taken_away(run, "CPU 1", "it was taken away")
        bed.refused("busctl " + starting("1", "1s"), "CPU 1", "offline")
        expect_untouched(other, since)

    with bed.step("when the CPU is back it is measured as before"):
        machine.ok(f"echo 1 >{ONLINE}")
        expect_whole(outcome(start("1", "2s")), 40)

    reports = []
    for change, direction in (("1 hour", "forward"), ("1 hour ago", "back")):
        with bed.step(f"a wall clock that is set an hour {direction} changes neither a run's length nor its latencies"):
            began = uptime()
            run = start("1", "15s")
            machine.ok(f"date -s '{change}'")
            expect_equal(state(run), "running", "the state after the clock was set")
            result = outcome(run)
            expect(uptime() - began >= 14.9, f"the run has taken its 15 s: it began at {began}, now is {uptime()}")
            expect_whole(result, 300)
            for key in ("max-ns", "corrected-p99.999-ns"):
                expect(result[key] < HALF_AN_HOUR_NS, f"{key} is of the run, not of the clock's jump: {result[key]}")
            reports.append(json.loads(bed.read(f"call org.rtnode1 {run} {MEASUREMENT} GetReport s json")[0]))

    with bed.step("a pod that gets a measured CPU for itself ends the run there, and no other run"):
        other = start("0", "1h")
        since = uptime()
        run = start("1", "1h")
        assign({"db": "1"})
        expect_taken_away(run, "kubelet", f"CPU 1 belongs to container db of pod {POD} alone")
        expect_untouched(other, since)

    with bed.step("while it has the CPU a run there is refused, naming it, unless it is forced; afterwards it isn't"):
        bed.refused("busctl " + starting("1", "1s"), f"CPU 1 belongs to container db of pod {POD} alone", "force")
        bed.refused("busctl " + starting("", "1s"), f"CPU 1 belongs to container db of pod {POD} alone")
        expect_whole(outcome(start("0", "1s")), 20)
        expect_whole(outcome(start("1", "1s", "force b true")), 20)
        assign({})
        expect_whole(outcome(start("1", "1s")), 20)
        machine.ok(f"rm -r {KUBELET}")

    with bed.step("a run that would take both CPUs whole ends itself, and the machine goes on"):
        run = start("", "1h", "force b true", interval=1)
        bed.refused(f"busctl --timeout=infinity call org.rtnode1 {run} {MEASUREMENT} Wait", "stopped itself",
                    "longer interval")
        expect_equal(state(run), "failed", f"the state of {run}")
        expect_whole(outcome(start("", "1s")), 40)

    with bed.step("kill -9 in mid-run leaves nothing behind: no request for latency, no trace, no thread"):
        expect_equal(daemon(), since_boot, "the daemon is the one that runs since the boot")
        machine.ok("mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing")
        before = bed.read(f"call {LATENCY} List")[0]
        start("1", "1h", "spike u 100000 trace b true")
        expect_equal(machine.ok(DMA_LATENCY_HOLDERS), since_boot, "who holds /dev/cpu_dma_latency during the run")
        expect_in("rtnode-1", machine.ok(f"ls {INSTANCES}"), "instances of tracefs during the run")
        kill_daemon()
        expect_equal(machine.ok(DMA_LATENCY_HOLDERS), "", "who holds /dev/cpu_dma_latency afterwards")
        expect_equal(machine.ok(f"ls {INSTANCES}"), "", "instances of tracefs afterwards")
        expect("latency/" not in machine.ok("ps -eLo comm"), "no measuring thread is left")
        expect_equal(machine.ok(LOAD_UNITS), "", "units of a load")

    with bed.step("the next daemon shows the earlier results, and measures that CPU"):
        expect(len(before) > 6, f"the runs of the steps before: {before}")
        expect_equal(bed.read(f"call {LATENCY} List")[0], before, "the list of runs")
        expect_whole(outcome(start("1", "1s")), 20)

    with bed.step("the reports of the runs with a clock that was set span what the runs took"):
        for report in reports:
            seconds = (report["ended_unix_us"] - report["started_unix_us"]) / 1_000_000
            expect(14.9 <= seconds < 1800, f"from {report['start_time']} to {report['end_time']}: {seconds} s")

    if machine.run("command -v stress-ng").rc:
        # Counted as skipped, which no run of all tests passes over.
        bed.tap.count += 1
        bed.tap.line(f"ok {bed.tap.count} - a load beside a run ends with it # SKIP the machine has no stress-ng: add "
                     "it to host_packages in tests/support/node/host-tree.sh")
        return

    def start_with_load():
        run = start("1", "1h", "load u 1 load-cpus s 0")
        bed.until("pgrep stress-ng", "the load runs")
        units = [line.split()[0] for line in machine.ok(LOAD_UNITS).splitlines()]
        expect(len(units) == 1 and re.fullmatch(r"rtnode-load-\d+\.service", units[0]), f"units of a load: {units}")
        return run, units[0]

    def expect_no_load():
        bed.until(f'[ -z "$({LOAD_UNITS})" ]', "no unit of a load is known")
        expect_equal(machine.run("pgrep stress-ng").rc, 1, "search for stress-ng")

    with bed.step("a load beside a run is a unit of its own on the CPUs that were given, and ends with the run"):
        run, unit = start_with_load()
        status = machine.ok(f"cat /proc/$(systemctl show -P MainPID {unit})/status")
        expect_equal(re.search(r"Cpus_allowed_list:\s*(\S+)", status).group(1), "0", "CPUs of the load")
        expect_equal(stopped(run)["end"], "stopped", "the end of the run")
        expect_no_load()

    with bed.step("the load of a daemon that is killed ends too"):
        start_with_load()
        kill_daemon()
        expect_no_load()
