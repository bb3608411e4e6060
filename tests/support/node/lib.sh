# shellcheck shell=bash
# Shared by the scripts of the throwaway node: messages, cache, parallel steps. Sourced, never run.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${RTNODE_CACHE:-/var/cache/rtnode-dev}

say() { printf 'node: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# Run one step and tell its seconds.
step() {
    local began=$EPOCHREALTIME name=$1
    shift
    "$@"
    say "$name: $(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s"
}

# Hash of the named files' contents and of what comes on stdin: the key of a cached product.
key_of() {
    { cat && cd "$here" && cat -- "$@"; } | sha256sum | cut -c1-20
}

# pack DIR FILE: DIR's whole content, attributes and hard links included, in one checksummed file.
pack() { tar -C "$1" --xattrs --xattrs-include='*' --numeric-owner -cf - . | zstd -q -1 -T0 --check -o "$2"; }
unpack() { zstd -q -dc "$1" | tar -C "$2" --xattrs --xattrs-include='*' --numeric-owner -xpf -; }

# cached NAME KEY DIR COMMAND…: fills DIR from the cache, or by COMMAND and then remembers it.
# The cache is only ever a shortcut: an absent, unreadable or unwritable one costs time, nothing else.
cached() {
    local name=$1 key=$2 dir=$3 file=$cache/$1-$2.tar.zst
    shift 3
    rm -rf "$dir"
    mkdir -p "$dir"
    if [[ -f $file ]]; then
        if unpack "$file" "$dir" 2>/dev/null; then
            touch "$file" 2>/dev/null || true
            return 0
        fi
        say "the cached $name is damaged, it is made anew: $file"
        rm -f "$file" || true
        rm -rf "$dir"
        mkdir -p "$dir"
    fi
    "$@"
    remember "$name" "$key" "$dir"
}

remember() {
    local name=$1 file=$cache/$1-$2.tar.zst dir=$3 temporary
    if ! mkdir -p "$cache" 2>/dev/null || ! temporary=$(mktemp "$cache/.$name.XXXXXX" 2>/dev/null); then
        say "no cache at $cache, going on without"
        return 0
    fi
    if rm "$temporary" && pack "$dir" "$temporary" && mv -f "$temporary" "$file"; then
        # Two of each are enough: the one in use and the one of the branch next door.
        find "$cache" -maxdepth 1 -name "$name-*.tar.zst" -printf '%T@ %p\n' | sort -rn | tail -n +3 | cut -d' ' -f2- |
            xargs -r rm -f
    else
        rm -f "$temporary"
        say "could not write $file, going on without"
    fi
}
