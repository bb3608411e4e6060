"""One staged deployment at a time: another job's takes its place, and when a neighbour drops it that is noticed."""

from bed import expect, expect_equal, expect_in


def case(bed):
    machine = bed.boot()
    before = bed.manager("KernelArguments")

    def staged_arguments():
        """Of the one staged deployment, as ostree sees it, without those from before."""
        lines = machine.ok("ostree admin status").splitlines()
        expect_equal(sum("(staged)" in line for line in lines), 1, "staged deployments in\n" + "\n".join(lines))
        pending = bed.manager("PendingKernelArguments")
        expect_equal(pending[:len(before)], before, "the first pending arguments")
        return pending[len(before):]

    with bed.step("a second job starts from the staged deployment and takes its place"):
        bed.done(bed.kernel_arguments("first=1"))
        expect_equal(staged_arguments(), ["first=1"], "staged arguments")
        bed.done(bed.kernel_arguments("second=2"))
        expect_equal(staged_arguments(), ["first=1", "second=2"], "staged arguments")
        expect_equal(len(bed.deployments()), 2, "number of deployments")

    with bed.step("`ostree admin undeploy 0` by a neighbour is noticed"):
        machine.ok("ostree admin undeploy 0")
        bed.until("busctl get-property org.rtnode1 /org/rtnode1 org.rtnode1.Manager RebootRequired | grep -qx 'b false'",
                  "RebootRequired is false")
        expect_equal(bed.manager("PendingKernelArguments"), before, "PendingKernelArguments")
        expect_in("job 2 made is neither booted nor booted next: somebody dropped", bed.manager("NotBooted"), "NotBooted")
        expect_equal([d["booted"] for d in bed.deployments()], [True], "the booted deployment alone is left")
        expect_equal(bed.job("/org/rtnode1/job/2", "State"), "done", "the job that staged it")

    with bed.step("asked again, the job is done again"):
        result = bed.done(bed.kernel_arguments("first=1", "second=2"))
        expect(not result.get("nothing-to-do") and result["staged"], f"staged again: {result}")
        expect_equal(staged_arguments(), ["first=1", "second=2"], "staged arguments")

    with bed.step("a neighbour's staged deployment is where the next job starts from"):
        machine.ok(f"ostree admin deploy --stage --karg-proc-cmdline --karg-append=theirs=1 {bed.facts['commit']}")
        bed.done(bed.kernel_arguments("ours=1"))
        expect_in("theirs=1 ours=1", " ".join(bed.manager("PendingKernelArguments")), "pending arguments")

    with bed.step("DropPending takes it away, and then no reboot is wanted"):
        result = bed.done(bed.submit("DropPending 'a{sv}' 0"))
        expect_equal(result["reboot-required"], False, "reboot-required of the result")
        expect_equal(bed.manager("RebootRequired"), False, "RebootRequired")
        expect("(staged)" not in machine.ok("ostree admin status"), "nothing is staged")
        bed.refused("rtnodectl drop-pending", "no pending deployment")

    with bed.step("a deployment that a neighbour drops before the shutdown isn't booted, and the node says what is"):
        bed.done(bed.kernel_arguments("lost=1"))
        machine.ok("ostree admin undeploy 0")
        machine.reboots("systemctl reboot")
        expect_equal(bed.manager("KernelArguments"), before, "arguments after the reboot")
        expect_equal(bed.manager("RebootRequired"), False, "RebootRequired")
        row = bed.verified()["booted-deployment"]
        expect_equal(row["state"], "failed", "what Verify says of the booted deployment")
        expect_in("no longer staged at the shutdown, so somebody dropped it; ask again", row["remedy"], "its remedy")
        expect_equal(bed.manager("NotBooted"), row["remedy"], "NotBooted")
