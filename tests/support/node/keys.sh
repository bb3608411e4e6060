# shellcheck shell=bash
# shellcheck disable=SC2154 # shares the variables of make
# Throwaway keys, made anew in each run: two OpenPGP keys for packages and a certificate authority for https.
# What calls gpg closes descriptor 9, the lock of make: else gpg's agent would hold it should make be killed.

# A GnuPG home of its own with one unprotected key. Its path stays short: the agent's socket lies in it.
make_gpg_key() { # NAME, PUBLIC-KEY-FILE
    mkdir -p "$gpg_homes/$1"
    chmod 700 "$gpg_homes/$1"
    gpg --homedir "$gpg_homes/$1" --batch --quiet --pinentry-mode loopback --passphrase '' \
        --quick-generate-key "$1 <$1@example.invalid>" rsa2048 sign never 2>/dev/null
    gpg --homedir "$gpg_homes/$1" --batch --armor --export "$1" >"$2"
} 9>&-

make_keys() { # FOLDER
    gpg_homes=$(mktemp -d /tmp/rtnode-gpg.XXXXXX)
    mkdir -p "$1"
    make_gpg_key rtnode-test "$1/RPM-GPG-KEY-rtnode-test"
    make_gpg_key rtnode-unknown "$1/RPM-GPG-KEY-rtnode-unknown"
    # For tests that sign what they made themselves.
    gpg --homedir "$gpg_homes/rtnode-test" --batch --armor --export-secret-keys >"$1/rtnode-test.secret.asc"
    (
        cd "$1" || exit
        openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 -subj '/CN=rtnode test CA' \
            -addext 'basicConstraints=critical,CA:TRUE' -keyout ca.key -out ca.pem 2>/dev/null
        openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2>/dev/null
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -sha256 -out server.pem \
            -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') 2>/dev/null
        rm server.csr ca.srl
        chmod 600 ./*.key ./*.secret.asc
    )
} 9>&-

forget_keys() {
    local home
    [[ -n ${gpg_homes:-} ]] || return 0
    for home in "$gpg_homes"/*/; do gpgconf --homedir "$home" --kill all 2>/dev/null || true; done
    rm -rf "$gpg_homes"
}

sign_rpms() { # KEY-NAME RPM…
    local name=$1
    shift
    # It complains about a missing terminal on stderr, which is only of interest when it fails.
    rpmsign --define "_gpg_path $gpg_homes/$name" --define "_gpg_name $name" --define '__gpg /usr/bin/gpg' \
        --define '_gpg_digest_algo sha256' --addsign "$@" >"$gpg_homes/rpmsign.log" 2>&1 || {
        cat "$gpg_homes/rpmsign.log" >&2
        die "rpmsign failed: $*"
    }
} 9>&-
