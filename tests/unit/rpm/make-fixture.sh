#!/bin/bash
# make-fixture.sh FOLDER: what tests/unit/rpm works on. Needs no root.
set -euo pipefail
support=$(readlink -f "$(dirname "$0")/../../support")
cd "$1"
export LC_ALL=C HOME=$1
mkdir -m 0700 gnupg specs

key() { # NAME
    gpg --homedir gnupg --batch --quiet --pinentry-mode loopback --passphrase '' \
        --quick-generate-key "$1 <$1@example.invalid>" rsa2048 sign never 2>/dev/null
}
key maker
key stranger
key delegator
delegator=$(gpg --homedir gnupg --batch --quiet --with-colons --list-keys delegator | awk -F: '$1 == "fpr" { print $10; exit }')
gpg --homedir gnupg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-add-key "$delegator" rsa2048 sign 2>/dev/null
subkey=$(gpg --homedir gnupg --batch --quiet --with-colons --list-keys delegator | awk -F: '$1 == "fpr" { last = $10 } END { print last }')
gpg --homedir gnupg --batch --quiet --export --armor maker >key.asc
gpg --homedir gnupg --batch --export maker delegator >two-keys.gpg
gpg --homedir gnupg --batch --export maker >key.gpg
gpg --homedir gnupg --batch --export --armor stranger >stranger.asc

spec() { # NAME ARCH <<BODY
    {
        printf '%s\n' "Name: $1" 'Epoch: 4' 'Version: 1.2' 'Release: 3.el9' 'Summary: Fixture' 'License: Apache-2.0'
        [ "$2" != noarch ] || echo 'BuildArch: noarch'
        cat
    } >"specs/$1.spec"
    rpmbuild -bb --quiet --target "$2" --define "_topdir $PWD/rpmbuild" --define "_rpmdir $PWD/built" \
        --define '_build_id_links none' --define "_rpmfilename $1.rpm" --define '_binary_payload w2.gzdio' \
        "specs/$1.spec" >/dev/null 2>&1
}
spec sample x86_64 <<'S'
Provides: rtnode(sample) = 1
%description
A package with every kind of file.
%install
install -d %{buildroot}/usr/share/sample %{buildroot}/etc
head -c 200000 /dev/urandom >%{buildroot}/usr/share/sample/data
ln -s data %{buildroot}/usr/share/sample/link
echo x >%{buildroot}/etc/sample.conf
%files
%dir /usr/share/sample
%attr(4755,root,root) %caps(cap_net_raw=ep) /usr/share/sample/data
/usr/share/sample/link
%config(noreplace) /etc/sample.conf
%ghost /usr/share/sample/ghost
S
spec other-arch aarch64 <<'S'
%description
For another machine.
%files
S
spec kernel-core x86_64 <<'S'
%description
Owns a kernel.
%install
install -d %{buildroot}/lib/modules/6.1.0-7/kernel
echo vmlinuz >%{buildroot}/lib/modules/6.1.0-7/vmlinuz
%files
/lib/modules/6.1.0-7
S
spec kernel-modules x86_64 <<'S'
%description
Owns a module of it.
%install
install -d %{buildroot}/lib/modules/6.1.0-7/kernel/net
echo ko >%{buildroot}/lib/modules/6.1.0-7/kernel/net/x.ko
install -d %{buildroot}/lib/modules/6.1.0-77
%files
/lib/modules/6.1.0-7/kernel/net
S
spec neighbour noarch <<'S'
%description
Owns the folder of a kernel whose name begins alike.
%install
install -d %{buildroot}/lib/modules/6.1.0-77
%files
%dir /lib/modules/6.1.0-77
S

sign() { # KEY FILE
    rpmsign --define "_gpg_path $PWD/gnupg" --define "_gpg_name $1" --define '__gpg /usr/bin/gpg' \
        --define '_gpg_digest_algo sha256' --addsign "$2" >/dev/null 2>&1
}
cp built/sample.rpm unsigned.rpm
cp built/sample.rpm signed.rpm
cp built/sample.rpm foreign.rpm
cp built/other-arch.rpm other-arch.rpm
sign maker signed.rpm
sign stranger foreign.rpm
sign maker other-arch.rpm
cp built/sample.rpm delegated.rpm
sign "$subkey!" delegated.rpm

rpm --define '_db_backend sqlite' --dbpath "$PWD/rpmdb" --initdb
rpm --define '_db_backend sqlite' --dbpath "$PWD/rpmdb" --import key.asc
rpm --define '_db_backend sqlite' --dbpath "$PWD/rpmdb" --justdb --nodeps --noscripts --ignorearch --nosignature \
    -i built/kernel-core.rpm built/kernel-modules.rpm built/neighbour.rpm 2>/dev/null
cp -r rpmdb berkeley
"$support/to_berkeley_db" berkeley
gpgconf --homedir gnupg --kill all
