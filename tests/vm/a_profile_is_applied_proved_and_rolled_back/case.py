"""A profile makes the node a real-time node in one reboot, is judged after it, and is gone back from by itself when it
isn't good enough."""

import shlex

from bed import expect, expect_equal, expect_in

PROFILE = """
description = "a real-time node"

[packages]
kernel = "rt"

[kernel-arguments]
append = ["nohz=on", "skew_tick=1"]

[run-time.sysctls]
"kernel.hung_task_timeout_secs" = 600

[verify]
require-real-time = true

[acceptance]
cpus = "1"
duration = "5s"
interval = "20ms"
max-us = 10000000
on-failure = "rollback"

[reboot]
when = "immediate"
"""
# An emulated processor wakes up later than that.
TOO_STRICT = """
[kernel-arguments]
append = ["nohz=on", "skew_tick=1", "tsc=reliable"]

[acceptance]
max-us = 1
"""


def case(bed):
    stock, realtime = (bed.facts["kernels"][name]["kver"] for name in ("stock", "rt_new"))
    bed.serve()
    machine = bed.boot()
    machine.ok(bed.repository_script())

    def put(path, text):
        machine.ok(f"mkdir -p $(dirname {path}) && printf %s {shlex.quote(text)} >{path}")

    def condition_is(wanted):
        bed.until(f"busctl get-property org.rtnode1 /org/rtnode1 org.rtnode1.Manager Condition | grep -qF '\"{wanted}\"'",
                  f"Condition is {wanted}; it is {bed.manager('Condition')}: {bed.manager('Reasons')}")

    def arguments():
        return [w for w in machine.ok("cat /proc/cmdline").split() if not w.startswith(("BOOT_IMAGE=", "ostree="))]

    def pinned():
        return [(d["kernel"], d["kernel-arguments"][-1]) for d in bed.deployments() if d.get("pinned")]

    with bed.step("a configured profile that doesn't hold makes the node diverged, with the reasons"):
        put("/etc/rtnode/profiles.d/rt.toml", PROFILE)
        put("/etc/rtnode/rtnoded.conf.d/50-site.toml", '[profile]\nname = "rt"\n')
        machine.ok("systemctl reload rtnoded")
        condition_is("diverged")
        expect_in("skew_tick=1", str(bed.manager("Reasons")), "Reasons")

    with bed.step("plan shows one reboot, and changes nothing"):
        before = bed.deployments()
        expect_in("nohz=on", machine.ok("rtnodectl plan 2>&1"), "the plan")
        expect_equal(bed.deployments(), before, "deployments after the plan")

    with bed.step("apply makes one deployment of kernel and arguments, and the node reboots into it by itself"):
        machine.reboots("rtnodectl --no-follow apply")
        expect_equal(machine.kernel, realtime, "the kernel after the job")
        expect_equal(arguments()[-2:], ["nohz=on", "skew_tick=1"], "the last arguments")
        bed.until("busctl get-property org.rtnode1 /org/rtnode1 org.rtnode1.Manager Version", "the daemon is there")

    with bed.step("what is set at run time comes with the next apply, which makes no deployment"):
        commits = [d["checksum"] for d in bed.deployments()]
        expect_in("hung_task_timeout_secs", machine.ok("rtnodectl apply 2>&1"), "what apply says")
        expect_equal(machine.ok("cat /proc/sys/kernel/hung_task_timeout_secs"), "600", "the sysctl")
        expect_equal([d["checksum"] for d in bed.deployments()], commits, "deployments")
        machine.ok("rtnodectl verify")
        condition_is("converged")

    with bed.step("rtnode-verify.service measures, accepts and pins what is booted"):
        machine.ok("systemctl start rtnode-verify.service || { journalctl -u rtnode-verify -u rtnoded --no-pager; false; }")
        expect_equal(pinned(), [(realtime, "skew_tick=1")], "what is pinned")
        expect_in("nothing", machine.ok("rtnodectl accept 2>&1").lower(), "a second accept")
        report = machine.ok("rtnodectl latency list 2>&1")
        expect_in("acceptance", report, "the measurements")

    with bed.step("a change that isn't good enough is gone back from, once, by itself"):
        put("/etc/rtnode/profiles.d/rt.toml.d/10-strict.toml", TOO_STRICT)
        machine.reboots("rtnodectl --no-follow apply")
        expect_equal(arguments()[-1], "tsc=reliable", "the last argument")
        bed.until("busctl get-property org.rtnode1 /org/rtnode1 org.rtnode1.Manager Version", "the daemon is there")
        machine.ok("rtnodectl apply 2>&1")  # run-time settings
        machine.reboots("systemctl start --no-block rtnode-verify.service")
        expect_equal(machine.kernel, realtime, "the kernel after the rollback")
        expect_equal(arguments()[-1], "skew_tick=1", "the last argument")
        bed.until("busctl get-property org.rtnode1 /org/rtnode1 org.rtnode1.Manager Version", "the daemon is there")

    with bed.step("the node says so, doesn't try again by itself, and stays where it is"):
        condition_is("failed")
        refused = machine.run("rtnodectl apply 2>&1")
        expect(refused.rc == 1 and "before" in refused.out, f"apply after the rollback: {refused}")
        machine.run("systemctl start rtnode-verify.service")
        expect_equal(arguments()[-1], "skew_tick=1", "the last argument")
        expect_equal(pinned(), [(realtime, "skew_tick=1")], "what is pinned")
        expect_in("no errors", machine.ok("ostree fsck 2>&1 | tail -n 1"), "ostree fsck")
        expect(stock != realtime, "two kernels")
