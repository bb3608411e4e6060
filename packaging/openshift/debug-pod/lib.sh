# shellcheck shell=bash
# What the scripts beside this share. They run on the node itself, with its bash and its busctl (`on` sends them there:
# `chroot /host` in a debug pod), and only speak to rtnoded, which does the work. So the pod may die at any moment: jobs and
# measurements go on, and the same script, called again, finds what it had started by a number that is kept.
#
# Exit status: 0 done; 1 rtnoded refused, or what it did failed; 2 wrong arguments; 4 there is no rtnoded to speak to.
#
#   RTNODE_BUS_ADDRESS   D-Bus address of rtnoded's bus; else the system bus
set -euo pipefail

kept=/var/lib/rtnode/debug-pod
manager=(org.rtnode1 /org/rtnode1 org.rtnode1.Manager)

die() { # STATUS MESSAGE
    echo "$2" >&2
    exit "$1"
}

# A bus call's answer as busctl prints it, its error on stderr. No time limit, since jobs take minutes.
bus() { busctl ${RTNODE_BUS_ADDRESS:+--address="$RTNODE_BUS_ADDRESS"} --timeout=infinity "$@"; }
property() { bus get-property "$@"; } # NAME PATH INTERFACE PROPERTY

# Of busctl's answer on stdin the strings, each on a line; numbers and signatures are left out. What busctl escaped
# (systemd's cescape: \n, \", \\, octal for what isn't ASCII) is as it was.
strings() {
    local quoted
    { grep -oE '"([^"\\]|\\.)*"' || true; } | while IFS= read -r quoted; do
        quoted=${quoted#\"}
        quoted=${quoted%\"}
        printf '%s\n' "${quoted@E}"
    done
}
string() { strings | sed -n 1p; }

need_daemon() {
    local said
    said=$(property "${manager[@]}" Version 2>&1) ||
        die 4 "There is no rtnoded to speak to on this node: $said. See systemctl status rtnoded"
}

# The jobs of a kind, or the measurements of a name, by number.
objects() { # job|measurement KIND-OR-NAME
    local paths path label
    case $1 in
    job) paths=$(property "${manager[@]}" Jobs) && label=(org.rtnode1.Job Kind) ;;
    measurement)
        paths=$(bus call org.rtnode1 /org/rtnode1/latency org.rtnode1.Latency List) &&
            label=(org.rtnode1.Measurement Name)
        ;;
    esac || return 1
    strings <<<"$paths" | { grep "^/org/rtnode1/$1/[0-9]*\$" || true; } | sort -t / -k 5 -n | while read -r path; do
        [ "$(property org.rtnode1 "$path" "${label[@]}" | string)" != "$2" ] || echo "$path"
    done
}

# Path of the object that an earlier call started and saw no end of; else calls, and the answer's. What is kept is the
# number of the last one before the call: a pod that dies between call and answer loses nothing by that.
earlier_or_new() { # KEEP-AS job|measurement KIND-OR-NAME BUSCTL-ARGUMENT…
    local keep=$kept/$1 type=$2 what=$3 before path
    shift 3
    mkdir -p "$kept"
    before=$(objects "$type" "$what") || return 1
    if [ -s "$keep" ]; then
        path=$(awk -F / -v last="$(cat "$keep")" '$5 > last' <<<"$before" | sed -n 1p)
        if [ -n "$path" ]; then
            echo "An earlier call started $type ${path##*/}; this one goes on with it" >&2
            echo "$path"
            return
        fi
    fi
    before=$(tail -n 1 <<<"$before")
    before=${before##*/}
    echo "${before:-0}" >"$keep.new"
    mv "$keep.new" "$keep"
    bus call "$@" | string || {
        rm -f "$keep"
        return 1
    }
}
forget() { rm -f "$kept/$1"; } # KEEP-AS: its end was seen

# Prints a job's log as it comes; fails, with the job's error on stderr, when the job did.
follow_job() { # PATH
    local from=0 next answer state result
    while :; do
        state=$(property org.rtnode1 "$1" org.rtnode1.Job State | string) || return 1
        while :; do
            answer=$(bus call org.rtnode1 "$1" org.rtnode1.Job GetLog t "$from") || return 1
            next=${answer##* }
            [ "$next" != "$from" ] || break
            from=$next
            # Indented is what tools and scriptlets say; the error that ends a job comes from Wait.
            strings <<<"$answer" | { grep -v -e '^  ' -e '^error: ' || true; }
        done
        case $state in queued | running | canceling) sleep 1 ;; *) break ;; esac
    done
    result=$(bus call org.rtnode1 "$1" org.rtnode1.Job Wait) || return 1
    case $result in *'"nothing-to-do" b true'*) echo "Nothing to do: the deployment that is booted next is so already" ;; esac
}

# Follows a job to its end, tells what has to happen for it to be in force, and exits as the job went.
finish_job() { # PATH KEEP-AS WHETHER-A-REBOOT-WAS-ASKED-FOR WHAT-IS-AS-IT-WAS-WHEN-IT-FAILED
    local status=0 said='' words
    { words=$(follow_job "$1" 2>&1 >&3) || status=$?; } 3>&1
    if [ $status != 0 ] && ! property "${manager[@]}" Version >/dev/null 2>&1; then
        # How it ended is not known here: nothing is forgotten.
        [ "$3" = false ] || said=', as it does when the node reboots'
        die 4 "rtnoded went away$said. Job ${1##*/} tells how it ended when this is called again" # busctl's words for it say less
    fi
    [ -z "$words" ] || echo "$words" >&2
    forget "$2"
    [ $status = 0 ] || die 1 "Job ${1##*/} failed, and $4"
    what_next "$3"
    exit 0
}

# After a job: what has to happen for it to be in force.
what_next() { # whether a reboot was asked for
    if [ "$(property "${manager[@]}" RebootRequired)" = 'b false' ]; then
        echo "What runs is what was asked for"
    elif [ "$1" = true ]; then
        echo "The node reboots now"
    else
        echo 'Run "systemctl reboot" to start a reboot'
    fi
}
