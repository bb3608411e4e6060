"""The RHCOS-RT how-to from its first to its last step, by busctl alone and at the end by rtnodectl.

The transcript, build/vm/rhcos_rt_howto.log, reads like the how-to: what one types, and what the machine answers.
"""

import json
import re

from bed import MANAGER, expect, expect_equal, expect_in

# The how-to's, in its order; the huge pages fit a machine with 2 GB: 16 of 2 MB instead of 32 of 1 GB.
ARGUMENTS = ["default_hugepagesz=2M", "hugepagesz=2M", "hugepages=16", "nohz=on", "nosoftlockup", "nmi_watchdog=0",
             "audit=0", "mce=off", "kthread_cpus=0", "irqaffinity=0", "skew_tick=1", "processor.max_cstate=1",
             "idle=poll", "intel_pstate=disable", "intel_idle.max_cstate=0", "intel_iommu=on", "iommu=pt"]
INTERVAL_US = 50_000
MEASUREMENT = "org.rtnode1 /org/rtnode1/measurement/1 org.rtnode1.Measurement"


def case(bed):
    facts = bed.facts
    stock, realtime = facts["kernels"]["stock"]["kver"], facts["kernels"]["rt_new"]["kver"]
    bed.transcript(bed.folder.parent / "rhcos_rt_howto.log")
    url = bed.serve()

    with bed.step("a worker node runs its stock kernel and rtnoded"):
        machine = bed.boot()
        bed.tell(f"# The RHCOS-RT how-to on {facts['stateroot']} {facts['version']}, by D-Bus\n")
        bed.tell(f"## The web server with the packages is {url}; the node gets its repository and key\n")
        machine.ok(bed.repository_script())
        machine.ok("mkdir -p /etc/rtnode/rtnoded.conf.d; printf '[latency]\\nresults-folder = \"/tmp/cyclictest\"\\n' "
                   ">/etc/rtnode/rtnoded.conf.d/50-site.toml; systemctl reload rtnoded")
        bed.shown("cat /etc/yum.repos.d/rtnode-rt.repo /etc/rtnode/rtnoded.conf.d/50-site.toml")
        bed.tell("\n## The node before\n")
        expect_in(stock, bed.shown("uname -a"), "the kernel before")
        before = bed.manager("KernelArguments")
        expect_equal(before, facts["kernel_arguments"], "kernel arguments before")
        base = facts["commit"]

    with bed.step("microcode, RT kernel and arguments are one job, which ends well"):
        bed.tell("\n## Override RHCOS into RHCOS-RT\n")
        job = bed.shown(f"busctl call {MANAGER} Override 'asasasa{{sv}}' 1 {bed.package('microcode_ctl')} 0 0 2 "
                        f"kernel s rt append-kernel-arguments as {len(ARGUMENTS)} {' '.join(ARGUMENTS)}")
        expect_equal(job, 'o "/org/rtnode1/job/1"', "the new job")
        result = bed.shown("busctl --timeout=infinity call org.rtnode1 /org/rtnode1/job/1 org.rtnode1.Job Wait")
        expect(result.startswith('sa{sv} "done"'), f"the job's end: {result}")
        bed.tell()
        log = bed.read("call org.rtnode1 /org/rtnode1/job/1 org.rtnode1.Job GetLog t 0")[0]
        bed.tell("sh-4.4# busctl call org.rtnode1 /org/rtnode1/job/1 org.rtnode1.Job GetLog t 0\n" + "\n".join(log))

    with bed.step("the new deployment is staged on top of the booted one"):
        bed.tell("\n## Status before the reboot\n")
        status = bed.shown("ostree admin status")
        expect("(staged)" in status.splitlines()[0], f"not staged:\n{status}")
        bed.shown("rtnodectl status")
        staged, booted = bed.deployments()
        expect(staged["staged"] and booted["booted"], f"staged, then booted: {staged} {booted}")
        expect_equal(staged["base-checksum"], base, "base of the staged deployment")
        expect_equal(staged["kernel"], realtime, "kernel of the staged deployment")
        expect_equal(staged["kernel-arguments"], before + ARGUMENTS, "arguments of the staged deployment")
        expect_equal(sorted(re.sub(r"-[^-]+-[^-]+$", "", nevra) for nevra in staged["removed"]),
                     ["kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"], "removed")
        expect_equal([row["before"].split("-4:")[0] for row in staged["replaced"]], ["microcode_ctl"], "replaced")
        expect(bed.manager("RebootRequired"), "a reboot is required")
        row = bed.verified()["booted-deployment"]
        expect_equal((row["state"], row["expected"], row["actual"]), ("failed", staged["checksum"], base),
                     "what Verify says of the booted deployment")
        expect_in("reboot", row["remedy"], "its remedy")

    with bed.step("Reboot through logind boots the RT kernel"):
        bed.tell("\n## Reboot\n")
        reboot = f"busctl call {MANAGER} Reboot 'a{{sv}}' 0"
        bed.tell(f"sh-4.4# {reboot}")
        machine.reboots(reboot)
        expect_equal(machine.kernel, realtime, "the kernel after the reboot")
        bed.tell("\n## Validations after the reboot\n")
        expect_in("PREEMPT_RT", bed.shown("uname -a"), "the kernel after the reboot")
        expect(bed.manager("RealTimeKernel"), "RealTimeKernel is true")
        expect_in("Finalizing staged deployment", machine.ok("journalctl -b -1 -u ostree-finalize-staged --no-pager"),
                  "the journal of the boot before")

    with bed.step("/proc/cmdline has every argument in the how-to's order"):
        cmdline = bed.shown("cat /proc/cmdline").split()
        mine = [word for word in cmdline if not word.startswith(("BOOT_IMAGE=", "ostree="))]
        expect_equal(mine, before + ARGUMENTS, "the kernel command line")
        expect_in("HugePages_Total:      16", machine.ok("cat /proc/meminfo"), "huge pages")

    with bed.step("the new deployment is booted, the old one is the rollback, and its history is told"):
        bed.tell()
        bed.shown("ostree admin status")
        bed.shown("rtnodectl status")
        new, old = bed.deployments()
        expect(new["booted"] and old["rollback"] and old["checksum"] == base, f"deployments: {new} {old}")
        expect_equal(new["checksum"], staged["checksum"], "the booted commit")
        expect(not bed.manager("RebootRequired"), "no reboot is required")
        bed.tell()
        expect_equal(bed.shown("busctl get-property org.rtnode1 /org/rtnode1/job/1 org.rtnode1.Job State"), 's "done"',
                     "the job after the reboot")
        expect_equal(bed.read("call org.rtnode1 /org/rtnode1/job/1 org.rtnode1.Job GetLog t 0")[0], log,
                     "the job's log after the reboot")

    with bed.step("the new packages are in the RPM database and the early microcode is in the initramfs"):
        bed.tell()
        packages = bed.shown("rpm -qa 'kernel*' microcode_ctl | sort").split()
        expected = sorted(p["nevra"].replace("4:", "") for p in facts["repo"]
                          if p["name"] == "microcode_ctl" or
                          (p["name"].startswith("kernel-rt-") and facts["kernels"]["rt_new"]["evr"] in p["nevra"]))
        expect_equal(packages, expected, "packages")
        names = machine.ok(f"cpio -t </usr/lib/modules/{realtime}/initramfs.img 2>/dev/null")
        expect_in("kernel/x86/microcode/GenuineIntel.bin", names, "the early archive")
        expect_in("kernel/x86/microcode/AuthenticAMD.bin", names, "the early archive")

    with bed.step("Verify finds every row right, or says why it doesn't apply"):
        bed.tell()
        bed.shown(f"busctl --json=short call {MANAGER} Verify 'a{{sv}}' 0")
        rows = bed.verified()
        for row in rows.values():
            expect(row["state"] == "ok" or (row["state"] == "not-applicable" and row["remedy"]), f"not right: {row}")
        for name in ["booted-deployment", "kernel", "real-time-kernel", "microcode", "package kernel-rt-core",
                     "package microcode_ctl", "package kernel", *(f"kernel-argument {a}" for a in ARGUMENTS)]:
            expect_equal(rows[name]["state"], "ok", f"the row {name}")

    with bed.step("ten seconds of measurement run as SCHED_FIFO under the unit as installed"):
        bed.tell("\n# Demo RT workload\n")
        # With idle=poll two emulated CPUs keep two real ones busy: wake-ups are tens of milliseconds late, and a run
        # with the usual millisecond rightly ends as Overloaded.
        bed.shown("busctl call org.rtnode1 /org/rtnode1/latency org.rtnode1.Latency Start 'a{sv}' 2 "
                  f"duration s 10s interval u {INTERVAL_US}")
        threads = machine.ok("ps -L -o cls,rtprio,comm -p $(systemctl show -P MainPID rtnoded)")
        expect(len(re.findall(r"^ *FF +95 ", threads, re.M)) == 2, f"two threads at SCHED_FIFO 95:\n{threads}")
        outcome = bed.shown(f"busctl --timeout=infinity call {MEASUREMENT} Wait")
        expect(outcome.startswith('sa{sv} "done"'), f"the measurement's end: {outcome}")
        cycles = bed.read(f"get-property {MEASUREMENT} Cycles")
        expect(len(cycles) == 2 and all(cycles), f"wake-ups of each CPU: {cycles}")

    with bed.step("its file has cyclictest's three lines, under the how-to's name"):
        bed.tell()
        lines = bed.shown("grep Latencies /tmp/cyclictest/cyclictest_10s.out").splitlines()
        expect_equal([line.split(":")[0] for line in lines], ["# Min Latencies", "# Avg Latencies", "# Max Latencies"],
                     "the three lines")
        for line in lines:
            expect(re.fullmatch(r"# \w+ Latencies: \d{5,} \d{5,}", line), f"cyclictest's format: {line}")
        report = machine.ok(f"busctl --json=short call {MEASUREMENT} GetReport s cyclictest-2.4")
        expect_in(lines[2], json.loads(report)["data"][0], "the report on the bus")

    with bed.step("the client does the same: asking again changes nothing, kernel arguments are one more job"):
        bed.tell("\n# The same by rtnodectl\n")
        again = bed.shown(f"rtnodectl override --replace {bed.package('microcode_ctl')} --kernel rt "
                          + " ".join(f"--append-karg={a}" for a in ARGUMENTS))
        expect_in("othing to do", again, "the second override")
        bed.shown("rtnodectl kargs --append isolcpus=1")
        bed.shown("rtnodectl status")
        pending = bed.manager("PendingKernelArguments")
        expect_equal(pending, before + ARGUMENTS + ["isolcpus=1"], "pending arguments")
        bed.shown("rtnodectl drop-pending")
        bed.shown(f"rtnodectl latency run --duration 2s --interval {INTERVAL_US}")
