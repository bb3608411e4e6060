# shellcheck shell=bash
# shellcheck disable=SC2154 # shares the variables of make
# Builds the RPMs from specs/ (and, for bad.sh, from text).

# Payload zstd-compressed as RHEL 9's, digests as RHEL 9's, and no look at the content: not ours to strip or to scan.
rpm_settings=(
    --define '_binary_payload w3.zstdio' --define '_build_id_links none' --define 'debug_package %{nil}'
    --define '__os_install_post %{nil}' --define '__spec_install_pre %{nil}' --define '_source_filedigest_algorithm 8'
    --define '_binary_filedigest_algorithm 8' --define '_buildhost build.example.invalid'
    --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define 'dist .el9'
    --define '_buildshell /bin/bash' --define '__find_requires %{nil}' --define '__find_provides %{nil}' --define '_use_internal_dependency_generator 0'
)

# Quiet unless it fails.
build_rpm() { # OUT-FOLDER SPEC [--target ARCH] [NAME=VALUE…]
    local out=$1 spec=$2 target=x86_64 top log define=()
    shift 2
    if [[ ${1:-} == --target ]]; then
        target=$2
        shift 2
    fi
    for value in "$@"; do define+=(--define "${value%%=*} ${value#*=}"); done
    top=$(mktemp -d "$work/rpmbuild.XXXXXX")
    log=$top/log
    mkdir -p "$out"
    rpmbuild -bb "${rpm_settings[@]}" --define "_topdir $top" --define "_rpmdir $out" --target "$target" "${define[@]}" \
        "$spec" >"$log" 2>&1 || {
        cat "$log" >&2
        die "rpmbuild failed: $spec $*"
    }
    rm -rf "$top"
}

kernel_rpms() { # OUT-FOLDER PREFIX PAYLOAD PROVIDES-KERNEL (0 or 1)
    local evr
    mapfile -t evr <"$work/payload/$3/evr"
    build_rpm "$1" "$here/specs/kernel.spec" "prefix=$2" "kver=$(cat "$work/payload/$3/kver")" \
        "evr_version=${evr[0]}" "evr_release=${evr[1]}" "payload=$work/payload/$3" "provides_kernel=$4"
}

in_parallel() { # runs each argument as a command line, two at a time, and fails if one fails
    local line pids=() pid
    for line in "$@"; do
        eval "$line" &
        pids+=($!)
        if ((${#pids[@]} % 2 == 0)); then wait "${pids[-2]}"; fi
    done
    for pid in "${pids[@]}"; do wait "$pid" || die "a parallel step failed"; done
}

# FOLDER/base is installed in the node's tree, FOLDER/repo and FOLDER/repo2 are offered to it.
build_rpms() { # FOLDER
    local out=$1 specs=$here/specs newer
    newer=$(cat "$work/payload/microcode-new/version")
    in_parallel \
        "kernel_rpms $out/base kernel stock 0" \
        "kernel_rpms $out/repo kernel-rt rt-old 0" \
        "kernel_rpms $out/repo kernel-rt rt-new 1" \
        "build_rpm $out/base $specs/microcode_ctl.spec evr_version=20230808 evr_release=2.20231009.1.el9 payload=$work/payload/microcode-old" \
        "build_rpm $out/repo $specs/microcode_ctl.spec evr_version=$newer evr_release=1.rhcos.1.el9 payload=$work/payload/microcode-new" \
        "build_rpm $out/base $specs/host-base.spec" \
        "build_rpm $out/base $specs/rtnode-sample.spec" \
        "build_rpm $out/base $specs/rtnode-tools.spec evr_version=1.0" \
        "build_rpm $out/base $specs/rtnode-layout.spec evr_version=1.0" \
        "build_rpm $out/repo2 $specs/rtnode-tools.spec evr_version=1.1" \
        "build_rpm $out/repo2 $specs/rtnode-layout.spec evr_version=2.0"
    sign_rpms rtnode-test "$out"/{base,repo,repo2}/*.rpm
}

# An rpm-md repository with signed metadata, and a .repo file as an admin would write it: @BASEURL@ and @GPGKEY@ stand
# for the folder's URL and the key's URL or path.
make_repo() { # FOLDER ID NAME
    createrepo_c --quiet --simple-md-filenames "$1"
    gpg --homedir "$gpg_homes/rtnode-test" --batch --quiet --yes --armor --detach-sign "$1/repodata/repomd.xml"
    cat >"$1/$2.repo" <<REPO
[$2]
name=$3
baseurl=@BASEURL@
enabled=1
gpgcheck=1
repo_gpgcheck=1
gpgkey=@GPGKEY@
REPO
} 9>&-
