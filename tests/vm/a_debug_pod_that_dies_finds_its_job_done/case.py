"""As from `oc debug node/…`: a container with the host at /host, killed while its job waits, comes back and finds it."""

from bed import MANAGER, expect, expect_equal, expect_in, pod

POD = pod()


def case(bed):
    machine = bed.boot()
    bed.serve()

    with bed.step("chroot /host busctl reaches the daemon"):
        expect_in('s "', machine.ok(f"{POD} busctl get-property {MANAGER} Version"), "Version")

    with bed.step("a pod that is killed while it waits takes nothing along"):
        first = bed.hanging_job()
        machine.ok(f"""cat >/run/in-pod <<'END'
set -e
busctl call {MANAGER} SetKernelArguments 'asasa{{sv}}' 1 from-pod=1 0 0
exec busctl --timeout=infinity call org.rtnode1 /org/rtnode1/job/2 org.rtnode1.Job Wait
END
            systemd-run -q --unit=pod {POD} bash /run/in-pod""")
        bed.until("pgrep -f 'org.rtnode1.Job Wait'", "the pod waits for its job")
        expect_equal(bed.job("/org/rtnode1/job/2", "State"), "queued", "its job behind the first one")
        machine.ok("systemctl kill -s KILL pod")
        bed.until("! systemctl is-active -q pod", "the pod is gone")
        machine.ok(f"busctl call org.rtnode1 {first} org.rtnode1.Job Cancel")
        expect_equal(bed.ended(first), "canceled", "the first job")
        expect(bed.done("/org/rtnode1/job/2")["staged"], "the pod's job is done and staged")

    with bed.step("a later pod finds the finished job and its log"):
        expect_equal(machine.ok(f"{POD} busctl get-property org.rtnode1 /org/rtnode1/job/2 org.rtnode1.Job State"),
                     's "done"', "the job's state from a new pod")
        expect_in("Staging deployment", machine.ok(
            f"{POD} busctl call org.rtnode1 /org/rtnode1/job/2 org.rtnode1.Job GetLog t 0"), "the job's log")
        expect_in("from-pod=1", bed.manager("PendingKernelArguments"), "pending arguments")

    with bed.step("a file in the pod's chroot is the host's: /root and /tmp can be named"):
        machine.ok(f"python3 -c \"import urllib.request as u; open('/root/t.rpm', 'wb').write("
                   f"u.urlopen('{bed.url}repo2/rtnode-tools-1.1-1.el9.noarch.rpm').read())\"; cp /root/t.rpm /tmp/")
        for path in ("/root/t.rpm", "/tmp/t.rpm"):
            job = machine.ok(f"{POD} busctl call {MANAGER} Override 'asasasa{{sv}}' 1 {path} 0 0 1 dry-run b true")
            bed.done(job.split('"')[1])
