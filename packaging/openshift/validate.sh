#!/bin/bash
# The how-to's validations of a real-time worker, from where `oc` is logged in to its cluster.
#
#   validate.sh NODE [KERNEL-ARGUMENT…]
#
# The node's role, the pool's counts, the node's kernel command line, and its kernel. Without arguments those are expected
# that the pool's MachineConfigs set. What rtnode itself sees is told by `debug-pod/on NODE verify`.
#
# Exit status: 0 all is right, 1 something isn't, or can't be asked for, 2 wrong arguments.
set -euo pipefail

case ${1:--} in
-*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
node=$1 pool=worker-rt
shift

wrong=0
check() { # WHAT EXPECTED ACTUAL
    if [ "$2" = "$3" ]; then
        echo "ok      $1: $3"
    else
        echo "FAILED  $1: expected $2, is ${3:-nothing}"
        wrong=$((wrong + 1))
    fi
}
asked() { # OC-ARGUMENT…: what it says in $answer, "" when it fails
    answer=$(oc "$@") || {
        answer=
        echo "FAILED  oc $*: see above"
        wrong=$((wrong + 1))
    }
}
column() { # NAME: of the one row below the header on stdin
    awk -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } NR == 2 && at { print $at }'
}
on_node() { asked debug -q "node/$node" -- chroot /host "$@"; }

asked get node "$node"
check "status of $node" Ready "$(column STATUS <<<"$answer" | cut -d , -f 1)"
roles=$(column ROLES <<<"$answer")
case ,$roles, in
*,$pool,*) check "roles of $node" "$roles" "$roles" ;;
*) check "roles of $node" "$pool among them" "$roles" ;;
esac

asked get machineconfigpool "$pool"
machines=$(column MACHINECOUNT <<<"$answer")
[ "$machines" != 0 ] || check "machines of $pool" "one or more" 0
: "${machines:=a number}"
for expected in UPDATED=True UPDATING=False DEGRADED=False READYMACHINECOUNT="$machines" \
    UPDATEDMACHINECOUNT="$machines" DEGRADEDMACHINECOUNT=0; do
    check "$pool ${expected%%=*}" "${expected#*=}" "$(column "${expected%%=*}" <<<"$answer")"
done

rendered=$(column CONFIG <<<"$answer")
if [ $# = 0 ] && [ -n "$rendered" ]; then
    asked get machineconfig "$rendered" -o 'jsonpath={.spec.kernelArguments[*]}'
    # An element may hold several arguments.
    read -r -a wanted <<<"$answer"
    set -- "${wanted[@]}"
fi
[ $# -gt 0 ] || echo "-       kernel arguments: the pool's MachineConfigs set none"
on_node cat /proc/cmdline
# In their order, since hugepages= counts pages of the size before it; others may stand between.
read -r -a rest <<<"$answer"
for argument; do
    there=missing
    for i in "${!rest[@]}"; do
        [ "${rest[i]}" = "$argument" ] || continue
        there=there
        rest=("${rest[@]:i+1}")
        break
    done
    check "kernel argument $argument" there "$there"
done

on_node uname -a
case $answer in
*PREEMPT_RT* | *"PREEMPT RT"*) check kernel "$answer" "$answer" ;;
*) check kernel "one with PREEMPT_RT or PREEMPT RT" "$answer" ;;
esac

[ $wrong = 0 ] || { echo "$wrong of these are not as they should be" >&2; exit 1; }
