#!/bin/bash
# usage: check_units.sh CATALOG JOURNAL_HPP {SERVICE HIGHEST-EXPOSURE}…
# The units are such that systemd accepts, with a bound on their exposure (of 100); catalog and program name the same ids.
set -euo pipefail
catalog=$1 header=$2
shift 2

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
while [ $# -gt 0 ]; do
    name=$(basename "$1")
    sed 's|^ExecStart=.*|ExecStart=/bin/true|' "$1" >"$folder/$name"
    said=$(systemd-analyze verify --man=no "$folder/$name" 2>&1 | grep "$name" || true)
    [ -z "$said" ] || { echo "systemd-analyze verify: $said"; exit 1; }
    systemd-analyze security --offline=true --threshold="$2" "$folder/$name" >"$folder/security" ||
        { tail -1 "$folder/security"; exit 1; }
    shift 2
done

diff <(grep -o '"[0-9a-f]\{32\}"' "$header" | tr -d '"' | sort) <(sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' "$catalog" | sort)
