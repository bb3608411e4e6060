# shellcheck shell=bash
# shellcheck disable=SC2154 # shares the variables of make
# From Debian's kernel packages to payloads for RPMs in the layout of RHEL's: a bootable subset of the modules.

# kernel-core and kernel-modules are one payload each in RHEL; here "modules" is what a VM and the tests need,
# "extra" what RHEL has in kernel-modules-extra (and puts into the folder extra/).
kernel_modules=(
    virtio_pci virtio_blk virtio_scsi virtio_net virtio_console virtio_rng ext4 vfat overlay loop sd_mod sr_mod ata_piix
    ahci nvme qemu_fw_cfg fuse squashfs erofs autofs4 efi_pstore dm_mod crc32c_generic crc32c_intel msr
)
kernel_modules_extra=(can vcan sctp dummy veth)

# Paths below FOLDER/lib/modules/KVER of the named modules and all that they need.
module_closure() { # FOLDER KVER MODULE…
    local root=$1 kver=$2 name
    shift 2
    for name in "$@"; do
        modprobe -d "$root" -S "$kver" --show-depends "$name" 2>/dev/null || true
    done | sed -n "s|^insmod .*/lib/modules/$kver/\([^ ]*\).*|\1|p" | sort -u
}

# FOLDER/NAME gets usr-less RHEL paths (lib/modules/KVER/…) plus the file lists core, modules and extra for rpmbuild.
kernel_payload() { # FOLDER NAME PACKAGE
    local work=$1 name=$2 package=$3 kver=${3#linux-image-} all=$1/unpacked-$2 out=$1/payload/$2 to path
    mkdir -p "$all" "$out/root"
    dpkg-deb --fsys-tarfile "$(echo "$work/debs/$package"_*.deb)" | tar -C "$all" -xf - ./boot ./lib/modules
    depmod -b "$all" "$kver"
    to=$out/root/lib/modules/$kver
    mkdir -p "$to/updates" "$to/weak-updates"
    cp "$all/boot/vmlinuz-$kver" "$to/vmlinuz"
    cp "$all/boot/config-$kver" "$to/config"
    cp "$all/boot/System.map-$kver" "$to/System.map"
    cp "$all/lib/modules/$kver"/modules.{builtin,order,builtin.modinfo} "$to/"
    ln -s "/usr/src/kernels/$kver" "$to/build"
    ln -s build "$to/source"
    # As sha512hmac writes it for RHEL's kernels (FIPS checks it at boot): keyed with this well-known word.
    echo "$(openssl dgst -sha512 -hmac FIPS-FTW-RHEL2009 -r "$to/vmlinuz" | cut -d' ' -f1)  /lib/modules/$kver/vmlinuz" >"$to/.vmlinuz.hmac"
    module_closure "$all" "$kver" "${kernel_modules[@]}" >"$out/modules.in"
    module_closure "$all" "$kver" "${kernel_modules_extra[@]}" | comm -13 "$out/modules.in" - >"$out/extra.in"
    while read -r path; do install -Dm644 "$all/lib/modules/$kver/$path" "$to/$path"; done <"$out/modules.in"
    while read -r path; do install -Dm644 "$all/lib/modules/$kver/$path" "$to/extra/${path#kernel/}"; done <"$out/extra.in"
    [[ -s $out/modules.in && -s $out/extra.in ]] || die "no modules found in $package"
    # Like RHEL's, every package owns the folders of its files: else they stay behind when it is removed.
    (
        cd "$out/root" || exit
        find "lib/modules/$kver/kernel" \( -type d -printf '%%dir /%p\n' \) -o -printf '/%p\n' >"../modules.files"
        find "lib/modules/$kver/extra" \( -type d -printf '%%dir /%p\n' \) -o -printf '/%p\n' >"../extra.files"
    )
    rm -rf "$all" "$out"/*.in
    echo "$kver" >"$out/kver"
}

# Version and release in RHEL's manner from Debian's: 6.1.192-2 becomes 6.1.192 and 2.el9.
kernel_payloads() { # FOLDER (with debs/ and kernels), fills FOLDER/payload
    local work=$1 name debian package version release old='' made='' newest
    newest=$(awk '$1 == "rt-new" { print $3 }' "$work/kernels")
    mkdir -p "$work/payload"
    while read -r name debian package; do
        version=${debian%%-*}
        release=${debian#*-}
        release=${release%%[!0-9]*}.el9
        # Only one RT build on the mirror: the older one is the same kernel with a lower release.
        if [[ $name == rt-old && $package == "$newest" ]]; then old=1 release=0.$release; fi
        kernel_payload "$work" "$name" "$package" &
        printf '%s\n%s\n' "$version" "$release" >"$work/evr-$name"
    done <"$work/kernels"
    for made in $(jobs -p); do wait "$made"; done
    [[ -z $old ]] || say "only one RT kernel build is offered: the older one is made from the same files"
    while read -r name _; do mv "$work/evr-$name" "$work/payload/$name/evr"; done <"$work/kernels"
    microcode_payloads "$work"
}

# An older and a newer microcode set, small ones: all of AMD's families but each with its last patch cut off for the
# older, and a few of Intel's files, one of which only the newer one has.
microcode_payloads() { # FOLDER
    local work=$1 all=$1/unpacked-microcode deb out count=3
    mkdir -p "$all"
    for deb in "$work"/debs/{amd64,intel}-microcode_*.deb; do dpkg-deb -x "$deb" "$all"; done
    for out in microcode-old microcode-new; do
        mkdir -p "$work/payload/$out/lib/firmware/"{amd-ucode,intel-ucode}
        cp "$all"/lib/firmware/amd-ucode/*.bin "$work/payload/$out/lib/firmware/amd-ucode/"
        find "$all/lib/firmware/intel-ucode" -type f -size -12k -printf '%s %p\n' | sort -n | awk '{ print $2 }' |
            head -n "$count" |
            xargs cp -t "$work/payload/$out/lib/firmware/intel-ucode"
        count=4
    done
    python3 "$here/older-microcode.py" "$work"/payload/microcode-old/lib/firmware/amd-ucode/*.bin
    # Debian's package version holds the date of the release: 3.20251111.1~deb12u1.
    for deb in "$work"/debs/intel-microcode_*.deb; do
        deb=${deb##*/intel-microcode_3.}
        echo "${deb%%.*}" >"$work/payload/microcode-new/version"
    done
    rm -rf "$all"
}
