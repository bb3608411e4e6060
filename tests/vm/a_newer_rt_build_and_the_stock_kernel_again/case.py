"""A second override on top of the first: an older RT build, a newer one, and then the base as it was."""

from bed import MANAGER, expect, expect_equal, expect_in

REBOOT = f"busctl call {MANAGER} Reboot 'a{{sv}}' 0"


def case(bed):
    facts = bed.facts
    kernels = facts["kernels"]
    stock, old, new = kernels["stock"], kernels["rt_old"], kernels["rt_new"]
    bed.serve()
    machine = bed.boot()
    machine.ok(bed.repository_script())

    def origin():
        """Of the booted deployment."""
        row = next(row for row in bed.deployments() if row["booted"])
        return machine.ok(f"grep . /ostree/deploy/{row['stateroot']}/deploy/{row['checksum']}.{row['serial']}.origin")

    def packages(kernel):
        return sorted(p["nevra"] for p in facts["repo"]
                      if p["name"].startswith("kernel-rt-") and f"-{kernel['evr']}." in p["nevra"])

    def pkgcache():
        return [ref for ref in machine.ok("ostree refs --list rpmostree/pkg").split() if "kernel" in ref]

    def swap(kernel):
        """kernel=rt with a build named by one of its packages."""
        return bed.done(bed.submit(f"Override 'asasasa{{sv}}' 0 0 1 kernel-rt-core-{kernel['evr']} 1 kernel s rt"))

    def is_booted(kernel, installed):
        machine.reboots(REBOOT)
        expect_equal(machine.kernel, kernel["kver"], "the running kernel")
        expect_equal(machine.ok("ls /usr/lib/modules"), kernel["kver"], "/usr/lib/modules")
        expect_equal(machine.ok("rpm -qa 'kernel*' | sort").split(), installed, "kernel packages")
        rows = bed.verified()
        expect_equal([row for row in rows.values() if row["state"] not in ("ok", "not-applicable")], [], "wrong rows")

    before = origin()
    of_stock = machine.ok("rpm -qa 'kernel*' | sort").split()

    with bed.step("the older build of the RT kernel, named by its version, is booted"):
        swap(old)
        first = bed.deployments()[0]
        expect_equal(sorted(first["local-packages"]), packages(old), "added packages")
        is_booted(old, packages(old))
        expect(bed.manager("RealTimeKernel"), "RealTimeKernel")

    with bed.step("the newer build is made from the base, not from the older one"):
        result = swap(new)
        second = bed.deployments()[0]
        expect_equal(second["base-checksum"], facts["commit"], "its base")
        expect_equal(sorted(second["local-packages"]), packages(new), "added packages")
        expect_equal(sorted(second["removed"]), sorted(of_stock), "removed packages of the base")
        expect(result["changes-kernel"] and result["regenerates-initramfs"], f"a change of the kernel: {result}")
        expect_in(f"kernel-rt-core {old['evr']} -> {new['evr']}", result["upgraded"], "upgraded, against the older one")

    with bed.step("it is booted as the only kernel of its tree, and nothing of its origin names the older one"):
        is_booted(new, packages(new))
        expect("kernel-rt-core-" + new["evr"] in origin() and old["evr"] not in origin(), f"origin:\n{origin()}")
        booted, rollback = bed.deployments()
        expect_equal((booted["checksum"], rollback["checksum"]), (second["checksum"], first["checksum"]), "deployments")

    with bed.step("ResetOverrides stages the base's own commit and origin"):
        result = bed.done(bed.submit("ResetOverrides 'asa{sv}' 0 0"))
        expect_equal((result["checksum"], result["new-commit"]), (facts["commit"], False), "the result")
        is_booted(stock, of_stock)
        expect_equal(bed.manager("RealTimeKernel"), False, "RealTimeKernel")
        expect_equal(sorted(origin().splitlines()), sorted(before.splitlines()), "lines of the origin")
        booted = bed.deployments()[0]
        expect_equal((booted["checksum"], booted["base-checksum"]), (facts["commit"],) * 2, "the booted commit")
        expect("local-packages" not in booted and "removed" not in booted, f"no override is left: {booted}")

    with bed.step("with the next job all that was the older build's is gone, and the newer one's stays for the rollback"):
        bed.done(bed.kernel_arguments("next=1"))
        expect_equal(machine.run(f"ostree show {first['checksum']}").rc, 1, "look for the commit of the older build")
        machine.ok(f"ostree show {second['checksum']}")
        refs = pkgcache()
        expect(refs and not [ref for ref in refs if old["evr"] in ref], f"pkgcache: {refs}")
        entries = machine.ok("grep -h ^linux /boot/loader/entries/*.conf").split()
        for kernel, count in ((stock, 1), (new, 1), (old, 0)):
            expect_equal(sum(word.endswith(f"vmlinuz-{kernel['kver']}") for word in entries), count,
                         f"loader entries of {kernel['kver']}")
            expect_equal(len(machine.run(f"ls /boot/ostree/*/vmlinuz-{kernel['kver']} 2>/dev/null").out.split()), count,
                         f"copies of {kernel['kver']} in /boot")
        expect_in("no errors", machine.ok("ostree fsck 2>&1 | tail -n 1"), "ostree fsck")
