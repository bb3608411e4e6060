"""The unit as installed: hardened, watched, started again; a job that ran meanwhile is interrupted and harmless."""

import re

from bed import expect, expect_equal, expect_in


def case(bed):
    machine = bed.boot()
    bed.serve()

    def unit(*names):
        lines = machine.ok(f"systemctl show rtnoded {' '.join('-p ' + name for name in names)}").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def until_started_again(pid):
        bed.until(f"[ $(systemctl show -P MainPID rtnoded) != {pid} ] && systemctl is-active -q rtnoded",
                  "the unit is active again")

    with bed.step("it is active, at boot, as a notify service with a watchdog"):
        facts = unit("ActiveState", "Type", "WatchdogUSec", "Restart", "NRestarts")
        expect_equal(facts, {"ActiveState": "active", "Type": "notify", "WatchdogUSec": "3min", "Restart": "on-failure",
                             "NRestarts": "0"}, "the unit")

    with bed.step("its hardening holds: the clock, the host's name and homes can't be changed, SCHED_FIFO can be had"):
        score = machine.run("systemd-analyze security --no-pager rtnoded").out.splitlines()[-1]
        bed.tap.note(score)
        status = machine.ok("cat /proc/$(systemctl show -P MainPID rtnoded)/{status,limits}")
        bounding = int(re.search(r"CapBnd:\s*([0-9a-f]+)", status).group(1), 16)
        for name, bit in {"SYS_TIME": 25, "SYS_MODULE": 16, "SYS_BOOT": 22, "SYSLOG": 34}.items():
            expect(not bounding >> bit & 1, f"CAP_{name} is not in the bounding set")
        expect_in("Seccomp:\t2", status, "seccomp")
        expect(re.search(r"Max realtime priority +99 ", status), f"the limit of the priority:\n{status}")
        bed.refused("nsenter -t $(systemctl show -P MainPID rtnoded) -m touch /var/roothome/mine", "Read-only file system")

    with bed.step("it gets SCHED_FIFO in its own cgroup with the cpu controller, and leaves the kernel's throttling alone"):
        # With CONFIG_RT_GROUP_SCHED a group would first need real-time runtime of its own; RHEL's RT kernel is without.
        expect_in("# CONFIG_RT_GROUP_SCHED is not set", machine.ok("cat /usr/lib/modules/$(uname -r)/config"),
                  "the kernel's configuration")
        machine.ok("systemctl set-property --runtime rtnoded CPUWeight=50")
        group = machine.ok("cat /proc/$(systemctl show -P MainPID rtnoded)/cgroup")
        expect_equal(group, "0::/system.slice/rtnoded.service", "the daemon's cgroup, the only hierarchy")
        expect_in("cpu", machine.ok("cat /sys/fs/cgroup/system.slice/rtnoded.service/cgroup.controllers").split(),
                  "controllers of the cgroup")
        expect_equal(machine.ok("cat /sys/fs/cgroup/system.slice/rtnoded.service/cpu.weight"), "50", "its cpu.weight")
        throttling = "cat /proc/sys/kernel/sched_rt_period_us /proc/sys/kernel/sched_rt_runtime_us"
        expect_equal(machine.ok(throttling).split(), ["1000000", "950000"], "throttling: 50 ms of each second are others'")
        run = bed.read("call org.rtnode1 /org/rtnode1/latency org.rtnode1.Latency Start 'a{sv}' 2 duration s 5s "
                       "interval u 50000")[0]
        threads = machine.ok("ps -L -o cls,rtprio,comm -p $(systemctl show -P MainPID rtnoded)")
        expect(len(re.findall(r"^ *FF +95 ", threads, re.M)) == 2, f"two threads at SCHED_FIFO 95:\n{threads}")
        machine.ok(f"busctl --timeout=infinity call org.rtnode1 {run} org.rtnode1.Measurement Wait")
        cycles = bed.read(f"get-property org.rtnode1 {run} org.rtnode1.Measurement Cycles")
        expect(len(cycles) == 2 and all(cycles), f"wake-ups of each CPU: {cycles}")
        expect_equal(machine.ok(throttling).split(), ["1000000", "950000"], "throttling afterwards")

    with bed.step("a daemon that is killed in mid-job starts again, its worker is gone, the job is interrupted"):
        job = bed.hanging_job()
        pid = unit("MainPID")["MainPID"]
        mounts = machine.ok("findmnt -rno TARGET")
        machine.ok(f"kill -KILL {pid}")
        until_started_again(pid)
        expect_equal(bed.job(job, "State"), "interrupted", "the job's state")
        expect_in("Interrupted", bed.job(job, "ErrorName"), "the job's error")
        # The new daemon has a worker clean up first.
        bed.until("! pgrep -x rtnode-worker", "no worker is left")
        expect_equal(machine.run("pgrep -x sleep -a | grep infinity").rc, 1, "search for the scriptlet")
        expect_equal(machine.ok("findmnt -rno TARGET"), mounts, "mounts")

    with bed.step("nothing of it is staged, and the same node takes the next job"):
        expect("(staged)" not in machine.ok("ostree admin status"), "nothing is staged")
        expect(bed.done(bed.kernel_arguments("after=1"))["staged"], "the next job stages")

    with bed.step("a daemon that hangs is ended by the watchdog and starts again"):
        # The installed limit of minutes would only make the test longer.
        machine.ok("mkdir -p /run/systemd/system/rtnoded.service.d\n"
                   "printf '[Service]\\nWatchdogSec=10s\\n' >/run/systemd/system/rtnoded.service.d/short.conf\n"
                   "systemctl daemon-reload; systemctl restart rtnoded")
        pid = unit("MainPID")["MainPID"]
        machine.ok(f"kill -STOP {pid}")
        until_started_again(pid)
        expect_in("watchdog", machine.ok("journalctl --no-pager -u rtnoded -b").lower(), "the journal")

    with bed.step("`systemctl stop` in mid-job ends all that the job started, and leaves a clean unit"):
        job = bed.hanging_job()
        machine.ok("systemctl stop rtnoded")
        expect_equal(unit("ActiveState", "Result"), {"ActiveState": "inactive", "Result": "success"}, "the unit")
        expect_equal(machine.run("pgrep -x rtnode-worker || pgrep -x sleep -a | grep infinity").rc, 1,
                     "search for the worker and its scriptlet")
        machine.ok("systemctl start rtnoded")
        expect(bed.job(job, "State") in ("interrupted", "canceled"), f"the job is {bed.job(job, 'State')}")
        expect_in("no errors", machine.ok("ostree fsck 2>&1 | tail -n 1"), "ostree fsck")
