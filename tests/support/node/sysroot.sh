# shellcheck shell=bash
# shellcheck disable=SC2154 # shares the variables of make
# The node's disk as a folder: OSTree sysroot with one deployment, as the machine-config operator leaves it.

stateroot=rhcos
pivot_url=pivot://registry.example/ocp/4.3@sha256:3467b0e1ce2f3e2d5a2ea8a1c40d5f58a7d1d4c5f6a6d9b8e7f001122334455f
# A 4.3 worker's. A VM replaces root= by its own disk.
# shellcheck disable=SC2054 # the commas are the arguments' own
node_kargs=(
    console=tty0 console=ttyS0,115200n8 rootflags=defaults,prjquota rw root=UUID=6101ba79-5a5d-4c0a-8d5e-7e7f0f7a3c11
    coreos.oem.id=metal ignition.platform.id=metal
)

make_sysroot() { # SYSROOT
    mkdir -p "$1"
    ostree admin init-fs --modern "$1"
    ostree admin os-init --sysroot="$1" "$stateroot" >/dev/null
    ostree --repo="$1/ostree/repo" config set core.mode bare
    # As on RHEL CoreOS: a static boot loader that reads the entries of /boot/loader itself.
    ostree --repo="$1/ostree/repo" config set sysroot.bootloader none
}

deploy_node() { # SYSROOT COMMIT
    local karg args=()
    # --karg would let the second console= replace the first.
    for karg in "${node_kargs[@]}"; do args+=("--karg-append=$karg"); done
    cat >"$work/origin" <<ORIGIN
[origin]
refspec=$2
custom-url=$pivot_url
custom-description=Managed by machine-config-operator
ORIGIN
    ostree admin deploy --sysroot="$1" --os="$stateroot" --karg-none --origin-file="$work/origin" "${args[@]}" "$2" >/dev/null
}
