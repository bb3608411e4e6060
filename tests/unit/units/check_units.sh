#!/bin/bash
# usage: check_units.sh SERVICE CATALOG JOURNAL_HPP
# The unit is one that systemd accepts, with a bound on its exposure; the catalog and the program name the same ids.
set -euo pipefail
service=$1 catalog=$2 header=$3

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sed 's|^ExecStart=.*|ExecStart=/bin/true|' "$service" > "$folder/rtnoded.service"
said=$(systemd-analyze verify --man=no "$folder/rtnoded.service" 2>&1 | grep rtnoded.service || true)
[ -z "$said" ] || { echo "systemd-analyze verify: $said"; exit 1; }
systemd-analyze security --offline=true --threshold=80 "$folder/rtnoded.service" > "$folder/security" ||
    { tail -1 "$folder/security"; exit 1; }

diff <(grep -o '"[0-9a-f]\{32\}"' "$header" | tr -d '"' | sort) <(sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' "$catalog" | sort)
