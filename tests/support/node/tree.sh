# shellcheck shell=bash
# shellcheck disable=SC2154 # shares the variables of make
# The host tree becomes a node's tree: RPM database with really installed RPMs, initramfs, OSTree layout, one commit.

# What rpm-ostree's compose records in the base commit; dracut runs with them here and for every later initramfs.
initramfs_args=(--no-hostonly --add ostree)
node_version=43.81.202611240000.0

# Enough isolation for scriptlets and dracut: own mounts and process ids; the tree as root.
in_tree() { # ROOT COMMAND…
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount --pid --fork --propagation private bash -c '
        set -e
        root=$1
        shift
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount -t sysfs -o ro sysfs "$root/sys"
        mount --rbind /dev "$root/dev"
        for folder in run tmp var/tmp; do mount -t tmpfs tmpfs "$root/$folder"; done
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin LC_ALL=C DRACUT_NO_MKNOD=1 "$@"' in_tree "$@"
}

install_rpms() { # ROOT RPM-FOLDER KEY
    local root=$1 rpm=(rpm --root "$1" --dbpath /usr/share/rpm --define '_db_backend sqlite' --define '_install_langs en')
    mkdir -p "$root"/usr/share/rpm "$root"/usr/lib/{rpm/macros.d,sysimage} "$root"/{boot,tmp} "$root"/var/{lib,tmp}
    cat >"$root/usr/lib/rpm/macros.d/macros.ostree" <<'MACROS'
%_dbpath /usr/share/rpm
%_db_backend sqlite
%_install_langs en
MACROS
    ln -sfn ../../share/rpm "$root/usr/lib/sysimage/rpm"
    "${rpm[@]}" --initdb
    "${rpm[@]}" --import "$3"
    # On a node nothing but ostree writes /boot; Debian's depmod and the rest of the scriptlets really run.
    mv "$root/usr/bin/kernel-install" "$root/usr/bin/kernel-install.real"
    printf '#!/bin/sh\nexit 0\n' >"$root/usr/bin/kernel-install"
    chmod 755 "$root/usr/bin/kernel-install"
    # Debian's rpm greets with an advice about alien each time.
    "${rpm[@]}" --install --quiet "$2"/*.rpm 2> >(grep -v -e 'use Alien' -e 'you know what you are doing' >&2)
    mv "$root/usr/bin/kernel-install.real" "$root/usr/bin/kernel-install"
    "${rpm[@]}" --query --all --qf '%{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\n' >"$work/rpms.tsv"
    # librpm leaves the database in WAL mode, in which it can't be read from a read-only /usr.
    python3 - "$root/usr/share/rpm/rpmdb.sqlite" <<'PY'
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
mode = db.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
db.close()
sys.exit(0 if mode == "delete" else f"the RPM database stays in journal mode {mode}")
PY
    rm -f "$root"/usr/share/rpm/{.rpm.lock,rpmdb.sqlite-shm,rpmdb.sqlite-wal}
    # The compose's own copy, which no client ever changes.
    cp -a "$root/usr/share/rpm" "$root/usr/lib/sysimage/rpm-ostree-base-db"
}

configure_host() { # ROOT
    local root=$1 unit etc=$1/etc lib=$1/usr/lib
    : >"$etc/fstab"
    : >"$etc/machine-id"
    echo worker-0 >"$etc/hostname"
    ln -sfn multi-user.target "$lib/systemd/system/default.target"
    mkdir -p "$lib"/systemd/{network,journald.conf.d} "$lib/systemd/system/multi-user.target.wants" "$etc/systemd/system"
    printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >"$lib/systemd/network/80-dhcp.network"
    ln -sfn ../systemd-networkd.service "$lib/systemd/system/multi-user.target.wants/systemd-networkd.service"
    # Persistent, so that what happened while shutting down (finalizing a staged deployment) can be read afterwards.
    printf '[Journal]\nStorage=persistent\nSystemMaxUse=16M\n' >"$lib/systemd/journald.conf.d/50-node.conf"
    # Of no use in a node without people, and seconds each under emulation.
    for unit in systemd-firstboot.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
        e2scrub_reap.service fstrim.timer getty@.service serial-getty@.service systemd-timesyncd.service \
        systemd-binfmt.service proc-sys-fs-binfmt_misc.mount proc-sys-fs-binfmt_misc.automount systemd-pstore.service \
        systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-networkd-wait-online.service \
        dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount; do
        ln -sfn /dev/null "$etc/systemd/system/$unit"
    done
    # Only the dracut modules that an OSTree node needs, so that an initramfs takes seconds; in /usr, as distributions
    # do, so that a rebuild from the pristine /etc finds it too.
    mkdir -p "$lib/dracut/dracut.conf.d"
    rm -f "$etc/dracut.conf.d/ostree.conf"
    cat >"$lib/dracut/dracut.conf.d/50-node.conf" <<'CONF'
dracutmodules+=" base systemd systemd-initrd dracut-systemd ostree kernel-modules rootfs-block udev-rules fs-lib shutdown "
compress="zstd -1"
hostonly_cmdline=no
reproducible=yes
do_strip=no
CONF
}

make_initramfs() { # ROOT KVER
    in_tree "$1" dracut --quiet --force --reproducible "${initramfs_args[@]}" --kver "$2" "/usr/lib/modules/$2/initramfs.img"
    chmod 600 "$1/usr/lib/modules/$2/initramfs.img"
}

ostree_layout() { # ROOT
    local root=$1 name
    for name in home root opt srv mnt media tmp usr/local boot var proc sys dev run; do rm -rf "${root:?}/$name"; done
    rm -f "$root"/{vmlinuz,initrd.img}{,.old} "$root/etc/.pwd.lock"
    mkdir -p "$root"/{boot,var,proc,sys,dev,run,sysroot}
    for name in home opt srv mnt; do ln -s "var/$name" "$root/$name"; done
    ln -s var/roothome "$root/root"
    ln -s run/media "$root/media"
    ln -s sysroot/tmp "$root/tmp"
    ln -s sysroot/ostree "$root/ostree"
    ln -s ../var/usrlocal "$root/usr/local"
    cat >"$root/usr/lib/tmpfiles.d/ostree-layout.conf" <<'CONF'
d /var/home 0755 root root -
d /var/roothome 0700 root root -
d /var/opt 0755 root root -
d /var/srv 0755 root root -
d /var/mnt 0755 root root -
d /var/usrlocal 0755 root root -
d /run/media 0755 root root -
d /sysroot/tmp 1777 root root -
d /var/lib/dbus 0755 root root -
L /var/lib/dbus/machine-id - - - - /etc/machine-id
d /var/lib/polkit-1 0700 polkitd root -
L /var/lib/rpm - - - - ../../usr/share/rpm
CONF
    rm -f "$root/usr/lib/tmpfiles.d/dbus.conf"
    mv "$root/etc" "$root/usr/etc"
}

# The package list as rpm-ostree's compose stores it: sorted by name, then version, without keys.
package_list() {
    python3 - "$work/rpms.tsv" <<'PY'
import sys

rows = [line.rstrip("\n").split("\t") for line in open(sys.argv[1], encoding="utf-8")]
rows = sorted(r for r in rows if r[0] != "gpg-pubkey")
print("@a(sssss) [" + ", ".join("(" + ", ".join(f"'{field}'" for field in row) + ")" for row in rows) + "]")
PY
}

# Uses the tree up: its files are moved into the repository.
commit_tree() { # ROOT REPO CHECKSUM-FILE
    local args
    printf -v args "'%s', " "${initramfs_args[@]}"
    ostree --repo="$2" commit --orphan --tree=dir="$1" --consume --bootable --fsync=false --subject='' \
        --timestamp='2026-11-24 00:00:00 +0000' --add-metadata-string="version=$node_version" \
        --add-metadata="rpmostree.initramfs-args=@as [${args%, }]" --add-metadata="rpmostree.rpmdb.pkglist=$(package_list)" >"$3"
}

build_tree() { # ROOT RPM-FOLDER KEY
    local kver
    kver=$(cat "$work/payload/stock/kver")
    install_rpms "$1" "$2" "$3"
    configure_host "$1"
    step '  initramfs' make_initramfs "$1" "$kver"
    ostree_layout "$1"
}
