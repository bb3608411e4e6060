# shellcheck shell=bash disable=SC2154 # lib.sh is before this
# The how-to's `rpm-ostree status`, `uname -a` and `cat /proc/cmdline`: the deployments, what runs, and what is booted next.
[ $# = 0 ] || die 2 "status: '$1' is too much; it takes no arguments"
need_daemon

answer() { property "${manager[@]}" "$1"; }
says() { # LABEL TEXT: when there is something to say
    [ -z "$2" ] || printf '%-18s %s\n' "$1:" "$2"
}
if command -v rtnodectl >/dev/null; then
    rtnodectl status || exit 1
else
    says State "$(answer Activity | string)"
    says Profile "$(answer Profile | string)"
    says Condition "$(answer Condition | string)"
    answer Reasons | strings | sed 's/^/  /'
    says "Not booted" "$(answer NotBooted | string)"
    echo "(the deployments: rpm-ostree status, or rtnodectl status where there is one)"
fi
says Kernel "$(answer KernelRelease | string)"
says Real-time "$(answer RealTimeKernel | cut -d ' ' -f 2)"
says Arguments "$(answer KernelArguments | strings | paste -sd ' ')"
says "Reboot required" "$(answer RebootRequired | cut -d ' ' -f 2)"
says "After the reboot" "$(answer PendingKernelArguments | strings | paste -sd ' ')"
