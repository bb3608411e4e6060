"""A staged deployment that the shutdown could not finalize, or never came to, is told after the boot, with the reason."""

from bed import expect, expect_equal, expect_in

NOT_BOOTED = "d1b7d19ab1d34a3d8d0b71a87d5c0a0a"
CONFLICT = "/etc/rtnode-sample.d"  # a folder of the tree

# Root may use what is reserved, too. Without writing, which would take long.
FILL = """
n=0
for size in 1G 100M 10M 1M 100K 4K; do
    while fallocate -l $size /var/filler.$n 2>/dev/null; do n=$((n + 1)); done
done
"""


def case(bed):
    machine = bed.boot()
    before = bed.manager("KernelArguments")

    def stage(argument):
        job = bed.kernel_arguments(argument)
        expect(bed.done(job)["staged"], f"{job} stages")
        expect_equal(bed.manager("NotBooted"), "", "NotBooted")
        return job

    def is_told(job, *reason):
        """Wherever one looks: the property, Verify, the client, the job, the journal."""
        expect_equal(bed.manager("KernelArguments"), before, "the booted arguments")
        sentence = bed.manager("NotBooted")
        bed.tap.note(sentence)
        for part in (f"what job {job.rsplit('/')[-1]} made is neither booted nor booted next", *reason, "ask again"):
            expect_in(part, sentence, "NotBooted")
        row = bed.verified()["booted-deployment"]
        expect_equal((row["state"], row["remedy"]), ("failed", sentence), "Verify's row")
        expect_in(f"Warning: {sentence}", machine.ok("rtnodectl status"), "rtnodectl status")
        expect_equal(bed.job(job, "State"), "done", "the job's state")
        expect(sentence.endswith(bed.job(job, "Result")["not-booted"]), f"the job's result: {bed.job(job, 'Result')}")
        expect_in(sentence, machine.ok(f"journalctl --no-pager -b MESSAGE_ID={NOT_BOOTED}"), "the journal")
        expect(not bed.manager("RebootRequired"), "no reboot is required")

    with bed.step("a file of the admin where the tree has a folder makes finalizing fail, and ostree's words are told"):
        job = stage("conflict=1")
        machine.ok(f"rm -r {CONFLICT}; echo mine >{CONFLICT}")
        machine.reboots("systemctl reboot")
        is_told(job, "finalizing it at the shutdown failed", "During /etc merge", "rtnode-sample.d", "cannot merge")

    with bed.step("asked again while the file is there, the job is refused and names it"):
        job = bed.kernel_arguments("conflict=1")
        expect_equal(bed.ended(job), "failed", "the job's state")
        expect_equal(bed.job(job, "ErrorName"), "org.rtnode1.Error.EtcConflict", "the job's error")
        expect_in(CONFLICT, bed.job(job, "ErrorMessage"), "the job's message")
        expect("(staged)" not in machine.ok("ostree admin status"), "nothing is staged")

    with bed.step("without space in /boot and /sysroot finalizing fails, and that is told"):
        machine.ok(f"rm {CONFLICT}; cp -a /usr{CONFLICT} {CONFLICT}")
        job = stage("full=1")
        machine.ok(FILL)
        machine.reboots("systemctl reboot")
        is_told(job, "finalizing it at the shutdown failed", "No space left on device")

    with bed.step("a daemon that starts again tells it again"):
        machine.ok("rm /var/filler.*; systemctl restart rtnoded")
        is_told(job, "No space left on device")

    with bed.step("a node that lost power before the shutdown says so"):
        job = stage("lost=1")
        machine.ok("journalctl --sync; sync")
        machine.monitor("system_reset")
        machine.reboots()
        is_told(job, "without a shutdown")

    with bed.step("asked again, and with nothing in the way, it is booted"):
        stage("there=1")
        machine.reboots("systemctl reboot")
        expect_equal(bed.manager("KernelArguments"), before + ["there=1"], "the booted arguments")
        expect_equal(bed.manager("NotBooted"), "", "NotBooted")
        expect_equal(bed.verified()["booted-deployment"]["state"], "ok", "Verify's row")
        expect("Warning" not in machine.ok("rtnodectl status"), "rtnodectl status warns of nothing")
        expect("not-booted" in bed.job(job, "Result"), "the old job still says what became of it")
        expect_in("no errors", machine.ok("ostree fsck 2>&1 | tail -n 1"), "ostree fsck")
