"""Reboots go through logind: block inhibitors refuse, delays are waited for, a scheduled one can be taken back."""

from bed import MANAGER, expect, expect_equal, expect_in

REBOOT = f"busctl call {MANAGER} Reboot 'a{{sv}}'"


def case(bed):
    machine = bed.boot()
    bed.serve()

    with bed.step("a block inhibitor refuses the reboot, by name"):
        machine.ok("systemd-run -q --unit=upgrade systemd-inhibit --what=shutdown --mode=block --who='disk firmware' "
                   "--why='half written' sleep infinity")
        bed.until("systemd-inhibit --list --no-pager | grep -q 'disk firmware'", "logind has the inhibitor")
        bed.refused(f"{REBOOT} 0", "disk firmware", "half written")
        expect_equal(bed.manager("Activity"), "idle", "Activity")

    with bed.step("a job with reboot=true is done, and the journal says that the reboot was not made"):
        job = bed.kernel_arguments("inhibited=1", options="1 reboot b true")
        bed.done(job)
        bed.until("journalctl --no-pager -u rtnoded -b | grep -q 'the reboot was not made.*disk firmware'",
                  "the journal says why the reboot was not made")
        machine.ok("systemctl stop upgrade")

    with bed.step("a delayed reboot is scheduled, and CancelReboot takes it back"):
        machine.ok(f"{REBOOT} 1 delay u 3600")
        scheduled = machine.ok("busctl get-property org.freedesktop.login1 /org/freedesktop/login1 "
                               "org.freedesktop.login1.Manager ScheduledShutdown")
        expect_in('"reboot"', scheduled, "ScheduledShutdown of logind")
        machine.ok(f"busctl call {MANAGER} CancelReboot")
        expect_in('""', machine.ok("busctl get-property org.freedesktop.login1 /org/freedesktop/login1 "
                                     "org.freedesktop.login1.Manager ScheduledShutdown"), "ScheduledShutdown of logind")
        expect_equal(bed.manager("Activity"), "idle", "Activity")

    with bed.step("while a job runs there is no reboot"):
        job = bed.hanging_job()
        bed.refused(f"{REBOOT} 0", "job")
        machine.ok(f"busctl call org.rtnode1 {job} org.rtnode1.Job Cancel")
        expect_equal(bed.ended(job), "canceled", "the job's state")

    with bed.step("a job with reboot=true reboots by itself, after who delays it has ended, and is done afterwards"):
        # Who holds the delay writes to the disk when it is told, and only then lets go.
        machine.ok("""
            cat >/run/delays <<'END'
exec 4< <(dbus-monitor --system "type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'")
touch /run/delays-ready
grep -qm1 'boolean true' <&4
echo saved >/var/saved
END
            systemd-run -q --unit=delays systemd-inhibit --what=shutdown --mode=delay --who=database bash /run/delays
            """)
        bed.until("[ -e /run/delays-ready ]", "the inhibitor is held")
        machine.reboots(f"busctl call {MANAGER} SetKernelArguments 'asasa{{sv}}' 1 rebooted=1 0 1 reboot b true")
        job = bed.manager("Jobs")[-1]
        expect_equal(bed.job(job, "State"), "done", "the job after its reboot")
        expect_equal(bed.manager("KernelArguments")[-2:], ["inhibited=1", "rebooted=1"], "the last arguments")
        expect_equal(machine.ok("cat /var/saved"), "saved", "what the delaying service wrote")
        expect_in("the node reboots, as was asked for", machine.ok("journalctl --no-pager -b -1 -u rtnoded"), "the journal")
