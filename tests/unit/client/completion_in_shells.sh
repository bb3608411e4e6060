#!/bin/bash
# usage: completion_in_shells.sh RTNODECTL
# The scripts of `rtnodectl completion` in real shells: bash by its completion function, fish by its own `complete -C`,
# zsh by keys typed at a terminal (completion_in_zsh.zsh). There is no daemon here; tests/sysroot/daemon has one.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
rtnodectl=$(readlink -f "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for shell in bash fish; do "$rtnodectl" completion "$shell" >"$work/$shell"; done
mkdir "$work/folder" "$work/zsh"
"$rtnodectl" completion zsh >"$work/zsh/_rtnodectl"
touch "$work/folder/kernel-rt.rpm" "$work/folder/a file"
export PATH=${rtnodectl%/*}:$PATH HOME=$work XDG_CONFIG_HOME=$work RTNODE_BUS_ADDRESS=unix:path=$work/no-bus
cd "$work/folder"

in_bash() {
    # shellcheck disable=SC2016
    bash --norc --noprofile -c 'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2))
        _rtnodectl rtnodectl "${@: -1}" "${@: -2:1}" && printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$work/bash" "$@" 2>"$work/bash.errors" # compopt's, which wants a line that is being typed
    grep -v compopt "$work/bash.errors" >&2 || true
}
in_fish() { fish --no-config -c "source $work/fish; complete -C '$1'"; }

failed=0
# NAME WANTED GOT: the words, in any order
same() {
    if [ "$(sort <<<"$2")" = "$(sort <<<"$3")" ]; then
        echo "ok: $1"
    else
        printf 'FAILED: %s\nwanted:\n%s\ngot:\n%s\n' "$1" "$2" "$3"
        failed=1
    fi
}
values=$'cyclic\nbusy\nhardware'

shellcheck --shell=bash "$work/bash"
same "bash: commands that begin so" $'reboot\nrepo' "$(in_bash rtnodectl re)"
same "bash: commands below a command" $'show\nfollow\ncancel' "$(in_bash rtnodectl jobs '')"
same "bash: options" "--load
--load-cpus
--loops" "$(in_bash rtnodectl latency run --lo)"
same "bash: values" $'rt\nstock' "$(in_bash rtnodectl --json override --kernel '')"
same "bash: values behind a sign" "$values" "$(in_bash rtnodectl latency run --mode = '')"
same "bash: a value that is begun behind a sign" busy "$(in_bash rtnodectl latency run --mode = b)"
same "bash: files" $'a file\nkernel-rt.rpm' "$(in_bash rtnodectl override --replace '')"
same "bash: nothing, and no word about it, without a daemon" "" "$(in_bash rtnodectl log '' 2>&1)"

same "fish: commands with what they do" "log	Print a job's log" "$(in_fish 'rtnodectl lo')"
same "fish: values" $'bash\nzsh\nfish' "$(in_fish 'rtnodectl completion ')"
same "fish: values behind a sign" $'--mode=cyclic\n--mode=busy\n--mode=hardware' \
    "$(in_fish 'rtnodectl latency run --mode=' | cut -f1)"
same "fish: files" $'a file\nkernel-rt.rpm' "$(in_fish 'rtnodectl override --replace ' | cut -f1)"
same "fish: nothing, and no word about it, without a daemon" "" "$(in_fish 'rtnodectl latency report ' 2>&1)"

timeout 120 zsh -f "$here/completion_in_zsh.zsh" "$work/zsh" || failed=1
exit "$failed"
