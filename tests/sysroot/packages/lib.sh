# shellcheck shell=bash
# What the tests of the packages share: a scratch folder, promises as TAP, a repository.

scratch=$(mktemp -d "${RTNODE_SCRATCH:-${TMPDIR:-/tmp}}/packages.XXXXXX")
tidy() {
    # ostree makes deployments immutable; mounts are gone with their namespace or are unmounted here.
    mapfile -t mounts < <(awk -v folder="$scratch/" 'index($2, folder) == 1 { print $2 }' /proc/self/mounts | sort -r)
    [[ ${#mounts[@]} -eq 0 ]] || umount --lazy "${mounts[@]}" 2>/dev/null || true
    chattr -i "$scratch"/sysroot/ostree/deploy/*/deploy/*/ 2>/dev/null || true
    rm -rf --one-file-system "$scratch"
}
trap tidy EXIT
number=0 failed=0

not() { # COMMAND…: ! would hide its failure from set -e
    if "$@"; then
        echo "this should have failed: $*"
        return 1
    fi
}

promise() {
    number=$((number + 1))
    # In the background and waited for, because "set -e" has no effect within a condition.
    (
        trap - EXIT
        set -e
        "$2"
    ) >"$scratch/out" 2>&1 &
    if wait $!; then
        printf 'ok %d - %s\n' $number "$1"
    else
        failed=$((failed + 1))
        printf 'not ok %d - %s\n' $number "$1"
        sed 's/^/# /' "$scratch/out"
    fi
}
