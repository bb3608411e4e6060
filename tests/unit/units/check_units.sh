#!/bin/bash
# usage: check_units.sh SOURCE_ROOT {UNIT HIGHEST-EXPOSURE}…
# systemd accepts the units, whose exposure (of 100, 0 = not looked at) has a bound; with the presets only the daemon is
# enabled; catalog and program name the same messages and fields.
set -euo pipefail
root=$1
shift

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
units=$folder/usr/lib/systemd/system
mkdir -p "$units"
declare -A highest
while [ $# -gt 0 ]; do
    name=$(basename "$1")
    # What it starts isn't installed here.
    sed 's|^ExecStart=.*|ExecStart=/bin/true|' "$1" >"$units/$name"
    highest[$name]=$2
    shift 2
done

# Together, so that they find each other; a template stands for an instance of its name.
said=$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no "$units"/* 2>&1 | grep rtnode || true)
[ -z "$said" ] || { echo "systemd-analyze verify: $said"; exit 1; }
for name in "${!highest[@]}"; do
    [ "${highest[$name]}" -gt 0 ] || continue
    systemd-analyze security --offline=true --threshold="${highest[$name]}" "$units/$name" >"$folder/security" ||
        { tail -1 "$folder/security"; exit 1; }
done

mkdir -p "$folder/usr/lib/systemd/system-preset" "$folder/etc/systemd/system"
cp "$root/units/90-rtnode.preset" "$folder/usr/lib/systemd/system-preset"
systemctl --root="$folder" preset-all >/dev/null 2>&1
diff <(echo "multi-user.target.wants/rtnoded.service") <(cd "$folder/etc/systemd/system" && find . -type l -printf '%P\n')
for name in "${!highest[@]}"; do
    grep -q '^\[Install\]' "$units/$name" || continue
    grep -q "able $name\$" "$root/units/90-rtnode.preset" || { echo "90-rtnode.preset says nothing of $name"; exit 1; }
done

if [ "$(id -u)" -eq 0 ]; then # others may not give a folder to root
    systemd-tmpfiles --create --root="$folder" "$root/units/rtnode.tmpfiles"
    [ "$(stat -c '%a %U' "$folder/tmp/cyclictest")" = "755 root" ]
fi

catalog=$root/units/rtnode.catalog
install -D "$catalog" "$folder/usr/lib/systemd/catalog/rtnode.catalog"
journalctl --update-catalog --root="$folder"
diff <(grep -o '"[0-9a-f]\{32\}"' "$root/daemon/loop/journal.hpp" | tr -d '"' | sort) \
    <(journalctl --list-catalog --root="$folder" --no-pager | cut -d' ' -f1 | sort)
for field in $(grep -o '@[A-Z_]*@' "$catalog" | tr -d @ | sort -u); do
    grep -rq "\"$field\"" "$root/daemon" || { echo "rtnode.catalog shows $field, which no message has"; exit 1; }
done
