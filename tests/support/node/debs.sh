# shellcheck shell=bash
# shellcheck disable=SC2154 # shares the variables of make
# Debian's kernels and microcode, through a private apt (the system's sources, lists and cache stay as they are).

# apt settings of this machine that concern getting files (proxies, date checks): for the private apt and mmdebstrap.
apt_settings() {
    apt-config dump | grep -E '^Acquire::(http|https|ftp|Check-|Retries|Allow|Max-|Languages)' || true
}

private_apt() { # COMMAND…, with $apt as its state
    APT_CONFIG=$apt/apt.conf "$@"
}

set_up_private_apt() { # FOLDER
    apt=$1
    mkdir -p "$apt"/{lists/partial,cache/archives/partial,parts}
    python3 "$here/apt-sources.py" >"$apt/debian.sources"
    cp "$apt/debian.sources" "$apt/parts/"
    {
        apt_settings
        cat <<CONF
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/parts";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Acquire::Languages "none";
APT::Sandbox::User "root";
CONF
    } >"$apt/apt.conf"
    private_apt apt-get -qq update
}

# "VERSION IMAGE-PACKAGE" lines of a kernel's meta package, newest first: all that the mirrors still have.
kernels_offered() { # META
    private_apt apt-cache show --all-versions "$1" |
        awk '/^Version:/ { v = $2 }
             /^Depends:/ { for (i = 2; i <= NF; i++) if ($i ~ /^linux-image-[0-9]/) { sub(",", "", $i); print v, $i } }' |
        sort -u | sort -rV
}

# What is to be had goes to FOLDER/debs, and what is what to FOLDER/kernels: lines "stock|rt-old|rt-new VERSION PACKAGE".
choose_and_download() { # FOLDER
    local work=$1 stock rt
    set_up_private_apt "$work/apt"
    # Not the cloud flavour: it has no CONFIG_MICROCODE, so dracut would leave the early microcode out.
    stock=$(kernels_offered linux-image-amd64 | head -1)
    mapfile -t rt < <(kernels_offered linux-image-rt-amd64 | head -2)
    [[ -n $stock && ${#rt[@]} -gt 0 ]] || die "the machine's Debian sources offer no linux-image-amd64 or linux-image-rt-amd64"
    # A mirror with only one RT build left: the older build is then made from the same files, see kernels.sh.
    {
        echo "stock $stock"
        echo "rt-old ${rt[-1]}"
        echo "rt-new ${rt[0]}"
    } >"$work/kernels"
    mkdir -p "$work/debs"
    (
        cd "$work/debs" || exit
        cut -d' ' -f3 "$work/kernels" | sort -u | private_apt xargs apt-get -qq download amd64-microcode intel-microcode
    )
}
