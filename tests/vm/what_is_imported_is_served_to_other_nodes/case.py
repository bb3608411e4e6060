"""A medium's packages, imported and served by rtnode-repo.service: a real systemd with all of its hardening, a real nginx."""

import json
import re
import shutil
import tarfile

from bed import expect, expect_equal, expect_in

# What curl does; the node has none. The head goes to the standard error.
FETCH = """fetch() { # PATH [HEADER]
    exec 3<>/dev/tcp/$host/$port
    printf 'GET %s HTTP/1.0\\r\\n%b\\r\\n' "$1" "${2:+$2\\r\\n}" >&3
    while IFS= read -r line <&3 && [ "$line" != $'\\r' ]; do printf '%s\\n' "$line" >&2; done
    cat <&3
    exec 3<&- 3>&-
}
"""
OWN = "host=127.0.0.1 port=8000\n" + FETCH


def case(bed):
    machine = bed.boot()
    medium = bed.folder / "medium"
    medium.mkdir(exist_ok=True)
    with tarfile.open(medium / "repo.tar", "w") as tar:
        tar.add(bed.image.node / "repo", "repo")
    shutil.copy("/usr/sbin/nginx", medium / "nginx")
    host, port = re.fullmatch(r"http://(.*):(\d+)/", bed.serve(medium)).groups()

    with bed.step("a folder with a repository is imported"):
        machine.ok(f"host={host} port={port}\n{FETCH}mkdir /var/tmp/medium; fetch /repo.tar 2>/dev/null | "
                   "tar -C /var/tmp/medium -x")
        machine.ok("rtnodectl repo import /var/tmp/medium rhel")
        expect_in("rhel", machine.ok("rtnodectl repo list"), "the repositories of the node")

    with bed.step("this node takes packages from its own folder, by name"):
        result = json.loads(machine.ok("rtnodectl --json override --dry-run --kernel rt"))
        expect_in("kernel-rt", json.dumps(result), "the plan")

    with bed.step("the unit waits for an nginx to be there"):
        machine.ok("systemctl start rtnode-repo")
        shown = machine.ok("systemctl show -P ConditionResult rtnode-repo; systemctl is-active rtnode-repo || true").split()
        expect_equal(shown, ["no", "inactive"], "condition and state")

    with bed.step("with one it starts, as nobody in particular and without rights"):
        # /usr is read-only; this deployment is unlocked as a developer would.
        machine.ok(f"ostree admin unlock\nhost={host} port={port}\n{FETCH}fetch /nginx >/usr/sbin/nginx 2>/dev/null\n"
                   "chmod 755 /usr/sbin/nginx; systemctl start rtnode-repo")
        bed.until("(: </dev/tcp/127.0.0.1/8000) 2>/dev/null", "nginx answers")
        pid = machine.ok("systemctl show -P MainPID rtnode-repo").strip()
        status = machine.ok(f"cat /proc/{pid}/status")
        expect(not re.search(r"^Uid:\t0\t", status, re.M), f"it isn't root:\n{status}")
        expect_in("CapEff:\t0000000000000000", status, "its capabilities")
        expect_in("Seccomp:\t2", status, "its system call filter")
        expect_in("NoNewPrivs:\t1", status, "its privileges")

    with bed.step("another node gets listings, whole files and the rest of an interrupted one"):
        expect_in("rhel/", machine.ok(OWN + "fetch / 2>/dev/null"), "the listing")
        package = next(p for p in bed.facts["repo"] if p["name"] == "microcode_ctl")["file"].split("/")[-1]
        path = machine.ok(f"cd /var/lib/rtnode/repos; find rhel -name {package}").strip()
        digest = machine.ok(f"sha256sum </var/lib/rtnode/repos/{path}")
        expect_equal(machine.ok(OWN + f"fetch /{path} 2>/dev/null | sha256sum"), digest, "the package")
        parts = machine.ok(OWN + f"(fetch /{path} 'Range: bytes=0-99' 2>/dev/null; "
                                 f"fetch /{path} 'Range: bytes=100-' 2>/dev/null) | sha256sum")
        expect_equal(parts, digest, "the package in two parts")
        expect_in("206", machine.ok(OWN + f"fetch /{path} 'Range: bytes=0-99' 2>&1 >/dev/null"), "the answer to a range")

    with bed.step("what is this node's own stays its own, and nothing else of the disk is to be seen"):
        for path in ("/rhel/.local.repo", "/../jobs/", "/../../../etc/shadow"):
            head = machine.ok(OWN + f"fetch {path} 2>&1 >/dev/null | head -1")
            expect(re.match(r"HTTP/1\.1 40[034]", head), f"the answer to {path}: {head}")
        machine.ok("ln -s /etc/passwd /var/lib/rtnode/repos/rhel/link")
        head = machine.ok(OWN + "fetch /rhel/link 2>&1 >/dev/null | head -1")
        expect_in("403", head, "the answer to a link that leads out")

    with bed.step("it comes back after a crash, and stops at once"):
        machine.ok(f"kill -KILL {pid}")
        bed.until(f"[ $(systemctl show -P MainPID rtnode-repo) != {pid} ] && (: </dev/tcp/127.0.0.1/8000) 2>/dev/null",
                  "nginx answers again")
        machine.ok("systemctl stop rtnode-repo")
        expect_equal(machine.ok("systemctl show -P Result rtnode-repo").strip(), "success", "how it ended")
