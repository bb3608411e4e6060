"""Kernel arguments: staged at once, booted with the same commit; what an admin changed in /etc comes along."""

from bed import MANAGER, expect, expect_equal, expect_in


def case(bed):
    machine = bed.boot()
    commit = bed.facts["commit"]
    before = bed.manager("KernelArguments")

    with bed.step("new arguments stage the same commit, and no other"):
        commits = machine.ok("find /sysroot/ostree/repo/objects -name '*.commit'")
        result = bed.done(bed.kernel_arguments("nohz=on", "skew_tick=1"))
        expect_equal((result["staged"], result["checksum"], result["reboot-required"]), (True, commit, True), "result")
        staged, booted = bed.deployments()
        expect_equal((staged["checksum"], booted["checksum"]), (commit, commit), "commits of the deployments")
        expect(staged["staged"] and booted["booted"], f"staged, then booted: {staged} {booted}")
        expect_equal(staged["kernel-arguments"], before + ["nohz=on", "skew_tick=1"], "arguments of the staged one")
        expect_equal(machine.ok("find /sysroot/ostree/repo/objects -name '*.commit'"), commits, "commits in the repo")

    with bed.step("asking again is nothing to do"):
        expect(bed.done(bed.kernel_arguments("nohz=on", "skew_tick=1"))["nothing-to-do"], "nothing-to-do")

    with bed.step("/sysroot and /usr stay read-only for everybody else"):
        for folder in ("/sysroot", "/usr"):
            options = machine.ok(f"findmnt -no OPTIONS {folder}").split(",")
            expect_in("ro", options, f"mount options of {folder}")
            expect_in("Read-only", machine.run(f"touch {folder}/mine").out, f"writing in {folder}")
        mounts = machine.ok("findmnt -rno TARGET")
        expect("rtnode" not in mounts, f"no mount of a job is left:\n{mounts}")

    with bed.step("after the reboot they are on the command line, in order, and the files of /etc are the admin's"):
        # After staging: what counts is /etc at the time of the shutdown.
        machine.ok("echo changed >>/etc/issue; echo added >/etc/site.conf; rm /etc/debian_version")
        machine.reboots(f"busctl call {MANAGER} Reboot 'a{{sv}}' 0")
        words = [w for w in machine.ok("cat /proc/cmdline").split() if not w.startswith(("BOOT_IMAGE=", "ostree="))]
        expect_equal(words, before + ["nohz=on", "skew_tick=1"], "the kernel command line")
        expect_equal(bed.manager("KernelArguments"), words, "KernelArguments")
        expect_equal([d["booted"] for d in bed.deployments() if "booted" in d and d["booted"]], [True], "one is booted")
        expect_in("changed", machine.ok("cat /etc/issue"), "/etc/issue")
        expect_equal(machine.ok("cat /etc/site.conf"), "added", "/etc/site.conf")
        expect_equal(machine.run("test -e /etc/debian_version").rc, 1, "test of the file that the admin removed")

    with bed.step("Rollback boots the old arguments again"):
        machine.ok("echo changed after >>/etc/issue")
        result = bed.done(bed.submit("Rollback 'a{sv}' 0"))
        expect(result["reboot-required"], "a rollback wants a reboot")
        expect_equal(bed.manager("PendingKernelArguments"), before, "PendingKernelArguments")
        machine.reboots(f"busctl call {MANAGER} Reboot 'a{{sv}}' 0")
        expect_equal(bed.manager("KernelArguments"), before, "arguments after the rollback")
        expect("changed after" not in machine.ok("cat /etc/issue"), "the rolled back deployment has its own /etc")
