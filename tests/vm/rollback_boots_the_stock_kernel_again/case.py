"""There and back: the RT kernel is booted, Rollback boots the stock kernel again, and the way back stays open."""

from bed import MANAGER, expect, expect_equal, expect_in

REBOOT = f"busctl call {MANAGER} Reboot 'a{{sv}}' 0"


def case(bed):
    stock, realtime = (bed.facts["kernels"][name]["kver"] for name in ("stock", "rt_new"))
    bed.serve()
    machine = bed.boot()
    machine.ok(bed.repository_script())

    with bed.step("kernel=rt alone, with reboot=true, boots the RT kernel, however slow what finalizes it starts"):
        # systemd doesn't stop, and so doesn't let finalize, what hasn't started when the shutdown comes.
        machine.ok("""
            mkdir -p /run/systemd/system/ostree-finalize-staged.service.d
            printf '[Service]\nExecStart=/bin/sleep 20\n' >/run/systemd/system/ostree-finalize-staged.service.d/slow.conf
            systemctl daemon-reload
            """)
        machine.reboots(f"busctl call {MANAGER} Override 'asasasa{{sv}}' 0 0 0 2 kernel s rt reboot b true")
        expect_equal(machine.kernel, realtime, "the kernel after the job")
        expect_equal(bed.job("/org/rtnode1/job/1", "State"), "done", "the job that asked for the reboot")
        expect_in("PREEMPT_RT", machine.ok("uname -v"), "uname -v")
        expect(bed.manager("RealTimeKernel"), "RealTimeKernel")

    with bed.step("its modules load, and the tree has one kernel"):
        expect_equal(machine.ok("ls /usr/lib/modules"), realtime, "/usr/lib/modules")
        machine.ok("modprobe loop && modinfo -n loop | grep -q " + realtime)

    with bed.step("Rollback boots the stock kernel again"):
        bed.done(bed.submit("Rollback 'a{sv}' 0"))
        machine.reboots(REBOOT)
        expect_equal(machine.kernel, stock, "the kernel after the rollback")
        expect(not bed.manager("RealTimeKernel"), "RealTimeKernel")
        old, new = bed.deployments()
        expect(old["booted"] and new["rollback"] and new["kernel"] == realtime, f"deployments: {old} {new}")
        expect_equal(machine.ok("ls /usr/lib/modules"), stock, "/usr/lib/modules")

    with bed.step("Verify takes the rolled back deployment for what was asked for"):
        rows = bed.verified()
        expect_equal([row for row in rows.values() if row["state"] in ("failed", "unknown")], [], "rows that are wrong")
        expect_equal(rows["real-time-kernel"]["state"], "not-applicable", "the row of the real-time kernel")

    with bed.step("a second Rollback goes to the RT kernel again, with nothing to build"):
        result = bed.done(bed.submit("Rollback 'a{sv}' 0"))
        expect_equal(result["checksum"], new["checksum"], "the commit that is booted next")
        expect_equal(bed.deployments()[0]["kernel"], realtime, "the kernel that is booted next")
        expect_in("no errors", machine.ok("ostree fsck 2>&1 | tail -n 1"), "ostree fsck")
