# shellcheck shell=bash
# The host tree: a minimal Debian with all that a node needs, also to boot in a VM and to run rtnoded.

# Sorted by what for: booting, ostree and initramfs, rtnoded's libraries, tools of the tests in the VM.
host_packages=(
    systemd systemd-sysv dbus polkitd kmod udev procps e2fsprogs ca-certificates libcap2-bin
    ostree ostree-boot dracut-core cpio zstd rpm bubblewrap
    libostree-1-1 libcurl4 librpm9 librpmbuild9 librpmsign9 libsolv1 libsolvext1 libarchive13 libinih1 libfmt9 libsdbus-c++1 libsystemd0 libyaml-cpp0.7
    rt-tests gpg stress-ng
)

bootstrap_host() { # FOLDER, SOURCES
    local IFS=, codename
    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt_settings >"$2.conf"
    mmdebstrap --quiet --mode=root --variant=minbase --format=directory --include="${host_packages[*]}" \
        --aptopt="$2.conf" --aptopt='Acquire::Languages "none"' --aptopt='APT::Sandbox::User "root"' \
        --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/i18n/*' --dpkgopt='path-exclude=/usr/share/bash-completion/*' \
        --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/gconv/*' --dpkgopt='path-exclude=/usr/lib/rpm/rpmbuild*' \
        "$codename" "$1" "$2"
    # A host keeps no package cache, logs or Debian's package database: /var is not part of an OSTree commit.
    rm -rf "$1"/var/{cache,log,lib/apt,lib/dpkg}
    rm -f "$1"/etc/apt/apt.conf.d/*mmdebstrap*
}
