# shellcheck shell=bash
# shellcheck disable=SC2154 # shares the variables of make
# What rtnode must refuse, or what must fail without a trace. README.md has a sentence on each.

# tiny OUT NAME [ARCH] <<BODY: a package of few lines. BODY begins in the preamble and ends with %files.
tiny() {
    local arch=${3:-noarch} spec=$work/$2.spec
    {
        printf '%s\n' "Name: $2" 'Version: 1.0' 'Release: 1.el9' "Summary: Fixture $2" 'License: Apache-2.0'
        [[ $arch != noarch ]] || echo 'BuildArch: noarch'
        cat
    } >"$spec"
    # Named by what is wrong with it, not by its NEVRA.
    if [[ $arch == noarch ]]; then build_rpm "$1/built-$2" "$spec"; else build_rpm "$1/built-$2" "$spec" --target "$arch"; fi
    mv "$1/built-$2"/*.rpm "$1/$2.rpm"
    rmdir "$1/built-$2"
    rm "$spec"
}

# Changes one byte of FILE in place, at an offset from its begin.
flip_byte() { # FILE OFFSET
    python3 - "$1" "$2" <<'PY'
import sys

with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))
PY
}

damaged_files() { # OUT, from an ordinary signed package
    local out=$1 good unsigned size
    good=$(echo "$new"/repo2/rtnode-tools-*.rpm)
    echo 'This is a text file, whatever its name says.' >"$out/not-an-rpm.rpm"
    : >"$out/empty.rpm"
    size=$(stat -c %s "$good")
    head -c $((size * 6 / 10)) "$good" >"$out/truncated.rpm"
    head -c 700 "$good" >"$out/truncated-header.rpm"
    cp "$good" "$out/unsigned.rpm"
    rpmsign --delsign "$out/unsigned.rpm" >/dev/null 2>&1
    unsigned=$out/signed-by-unknown-key.rpm
    cp "$out/unsigned.rpm" "$unsigned"
    sign_rpms rtnode-unknown "$unsigned"
    # The signature covers the header: one letter of the summary is another one.
    cp "$good" "$out/signature-broken.rpm"
    flip_byte "$out/signature-broken.rpm" "$(LC_ALL=C grep -abo 'An ordinary package that has an update' "$good" | head -1 | cut -d: -f1)"
    # Header and signature are good, but the payload isn't the one whose digest the header holds.
    cp "$good" "$out/payload-changed.rpm"
    flip_byte "$out/payload-changed.rpm" $((size - 100))
}

# Correct packages whose installation must be refused or fails.
unwanted_packages() { # OUT
    local out=$1
    tiny "$out" wrong-arch aarch64 <<'S'
%description
For another architecture.
%files
S
    tiny "$out" needs-nothing-provides <<'S'
Requires: rtnode-there-is-no-such-thing >= 2
%description
Can't be installed anywhere.
%files
S
    tiny "$out" drags-in-update <<'S'
Requires: rtnode-tools >= 1.1
%description
Would pull in an update of a base package that nobody asked for.
%files
S
    tiny "$out" obsoletes-base <<'S'
Obsoletes: rtnode-tools <= 1.0
%description
Would remove a base package that nobody asked to remove.
%files
S
    tiny "$out" file-conflict <<'S'
%description
Has a file of rtnode-sample with other content.
%install
install -d %{buildroot}/usr/bin
echo 'not the same' >%{buildroot}/usr/bin/rtnode-sample
%files
/usr/bin/rtnode-sample
S
    # Only where its files are counts, so the image is a text; it provides what rpm-ostree knows a kernel by.
    tiny "$out" second-kernel x86_64 <<'S'
Provides: kernel = 9.9.9-1.el9
Provides: kernel-core = 9.9.9-1.el9
Provides: installonlypkg(kernel)
Provides: kernel-uname-r = 9.9.9-1.el9.x86_64
%description
A second kernel image in the tree.
%install
install -d %{buildroot}/lib/modules/9.9.9-1.el9.x86_64
echo 'stands where a kernel would' >%{buildroot}/lib/modules/9.9.9-1.el9.x86_64/vmlinuz
%files
/lib/modules/9.9.9-1.el9.x86_64
S
    tiny "$out" kernel-without-image x86_64 <<'S'
Provides: kernel-rt-core = 9.9.9-1.el9
Provides: installonlypkg(kernel)
%description
Says that it is a kernel, but brings no image.
%install
install -d %{buildroot}/lib/modules/9.9.9-2.el9.x86_64
: >%{buildroot}/lib/modules/9.9.9-2.el9.x86_64/modules.order
%files
/lib/modules/9.9.9-2.el9.x86_64
S
}

bad_scriptlets() { # OUT
    local out=$1 when
    for when in pretrans pre post posttrans; do
        tiny "$out" "fails-in-$when" <<S
%description
Its %$when fails.
%$when
echo 'said on stdout before failing'
echo 'said on stderr before failing' >&2
exit 3
%files
S
    done
    tiny "$out" hangs-in-post <<'S'
%description
Its %post never ends, without using the CPU, and leaves a child behind that doesn't end either.
%post
sleep infinity &
exec sleep infinity
%files
S
    tiny "$out" ignores-sigterm-in-post <<'S'
%description
Its %post never ends and ignores polite signals.
%post
trap '' TERM INT HUP
while :; do sleep 3600; done
%files
S
    tiny "$out" leaves-daemon <<'S'
%description
Its %post ends well, but leaves a process behind in a session of its own.
%post
setsid sleep infinity </dev/null >/dev/null 2>&1 &
%files
S
    tiny "$out" writes-in-place <<'S'
%description
Its %post writes into files of the base without replacing them: what hard-linked checkouts suffer from.
%post
echo appended >>/usr/share/rtnode-sample/data
echo appended >>/usr/share/rtnode-sample/hardlink-a
chmod 0700 /usr/lib/rtnode-sample/library
echo appended >>/etc/rtnode-sample.conf
touch -d @1 /usr/share/rtnode-tools/version
%files
S
    # Each line says whether it could: a test reads it in the result and looks at the host too.
    tiny "$out" touches-host <<'S'
%description
Its %post tries to reach the host in all known ways and notes in /usr/share/touches-host what seemed to work.
%install
install -d %{buildroot}/usr/share/touches-host
%post
try() {
    name=$1
    shift
    if ("$@") >/dev/null 2>&1; then echo "$name yes"; else echo "$name no"; fi >>/usr/share/touches-host/tried
}
# Only values that are there already are written: should the sandbox be missing, the host is none the worse.
again() { value=$(cat "$1") && echo "$value" >"$1"; }
core_pattern() { again /proc/sys/kernel/core_pattern; }
sysctl_write() { again /proc/sys/vm/swappiness; }
sys_write() { again /sys/kernel/mm/ksm/run; }
sysrq() { : >>/proc/sysrq-trigger; }
boot() { echo x >/boot/rtnode-touched; }
var() { echo x >/var/rtnode-touched; }
run() { echo x >/run/rtnode-touched; }
sysroot() { echo x >/sysroot/rtnode-touched; }
root() { echo x >/rtnode-touched; }
init_root() { [ -e /proc/1/root/var/lib/dpkg ]; }
network() { [ "$(grep -c : /proc/net/dev)" -gt 1 ] || bash -c 'echo x >/dev/tcp/127.0.0.1/22'; }
module() { modprobe dummy; }
mknod_disk() { mknod /tmp/rtnode-disk b 254 0 && head -c 1 /tmp/rtnode-disk; }
mount_it() { mount -t tmpfs tmpfs /usr/src; }
other_processes() { [ "$(ls -d /proc/[0-9]* | wc -l)" -gt 30 ]; }
set_hostname() { hostname "$(hostname)"; }
set_clock() { date -s "@$(date +%s)"; }
devices() { ls /dev/mem /dev/kmsg /dev/sda /dev/vda | grep -q .; }
for name in core_pattern sysctl_write sys_write sysrq boot var run sysroot root init_root network module mknod_disk \
    mount_it other_processes set_hostname set_clock devices; do
    try "$name" "$name"
done
exit 0
%files
%dir /usr/share/touches-host
S
    # dracut reads its configuration as shell: the shortest way to have it fail or hang for real.
    tiny "$out" dracut-fails <<'S'
%description
Makes dracut fail: rtnode asks for an initramfs, and there is none.
%install
install -d %{buildroot}/usr/lib/dracut/dracut.conf.d
printf 'echo "dracut: rtnode-fixture: no space left on device" >&2\nexit 1\n' >%{buildroot}/usr/lib/dracut/dracut.conf.d/99-fails.conf
%files
/usr/lib/dracut/dracut.conf.d/99-fails.conf
S
    tiny "$out" dracut-hangs <<'S'
%description
Makes dracut wait forever.
%install
install -d %{buildroot}/usr/lib/dracut/dracut.conf.d
echo 'sleep infinity' >%{buildroot}/usr/lib/dracut/dracut.conf.d/99-hangs.conf
%files
/usr/lib/dracut/dracut.conf.d/99-hangs.conf
S
    tiny "$out" dracut-leaves-modules-out <<'S'
%description
dracut succeeds, but the initramfs lacks what an OSTree node boots with.
%install
install -d %{buildroot}/usr/lib/dracut/dracut.conf.d
printf 'omit_dracutmodules+=" ostree "\nearly_microcode=no\n' >%{buildroot}/usr/lib/dracut/dracut.conf.d/99-out.conf
%files
/usr/lib/dracut/dracut.conf.d/99-out.conf
S
}

# Repositories, each of the one update package of repo2, with one thing wrong.
corrupt_repos() { # OUT
    local out=$1 name repo primary
    for name in repomd-missing repomd-not-xml checksum-mismatch broken-gz broken-xml signature-broken signature-missing \
        package-missing package-changed; do
        repo=$out/repo-$name
        mkdir "$repo"
        cp "$new"/repo2/rtnode-tools-*.rpm "$repo/"
        make_repo "$repo" "$name" "Repository with $name"
        primary=$repo/repodata/primary.xml.gz
        case $name in
        repomd-missing) rm "$repo/repodata/repomd.xml" ;;
        repomd-not-xml) echo '<html>Welcome to the captive portal</html' >"$repo/repodata/repomd.xml" ;;
        checksum-mismatch) flip_byte "$primary" 50 ;;
        broken-gz)
            head -c 200 "$primary" >"$primary.cut"
            mv "$primary.cut" "$primary"
            describe_anew "$repo"
            ;;
        broken-xml)
            gzip -dc "$primary" | head -c 600 | gzip -n >"$primary.cut"
            mv "$primary.cut" "$primary"
            describe_anew "$repo"
            ;;
        signature-broken) sed -i 's|</repomd>| </repomd>|' "$repo/repodata/repomd.xml" ;;
        signature-missing) rm "$repo/repodata/repomd.xml.asc" ;;
        package-missing) rm "$repo"/*.rpm ;;
        package-changed) flip_byte "$(echo "$repo"/*.rpm)" 20000 ;;
        esac
    done
}

# repomd.xml (signed) tells the truth about a damaged primary.xml.gz: only reading it shows the damage.
describe_anew() { # REPO
    python3 - "$1/repodata" <<'PY'
import hashlib
import re
import sys

folder = sys.argv[1]
data = open(f"{folder}/primary.xml.gz", "rb").read()
path = f"{folder}/repomd.xml"
text = open(path, encoding="utf-8").read()


def primary(match):
    block = re.sub(r'<checksum type="sha256">[0-9a-f]+', f'<checksum type="sha256">{hashlib.sha256(data).hexdigest()}',
                   match[0])
    return re.sub(r"<size>\d+", f"<size>{len(data)}", block)


text = re.sub(r'<data type="primary">.*?</data>', primary, text, flags=re.S)
open(path, "w", encoding="utf-8").write(text)
PY
    gpg --homedir "$gpg_homes/rtnode-test" --batch --quiet --yes --armor --detach-sign "$1/repodata/repomd.xml"
} 9>&-

make_bad() { # OUT
    mkdir -p "$1"
    unwanted_packages "$1"
    bad_scriptlets "$1"
    sign_rpms rtnode-test "$1"/*.rpm
    damaged_files "$1"
    corrupt_repos "$1"
}
