# shellcheck shell=bash disable=SC2154 # lib.sh is before this
# The how-to's proof: measures wake-up latency and prints cyclictest's three lines.
#
#   measure.sh [10m|1h|DURATION] [--cpus LIST] [--interval MICROSECONDS]
#
# All CPUs that no container has for itself and every millisecond, unless said otherwise. It fails when the measurement did
# (a CPU missed more than half its deadlines), and when the numbers can't be trusted; the reasons come with them.
duration=10m options=()
while [ $# -gt 0 ]; do
    case $1 in
    --cpus | --interval) [ $# -gt 1 ] || die 2 "measure: $1 needs a value" ;;
    esac
    case $1 in
    --cpus) options+=(cpus s "$2") && shift ;;
    --interval) options+=(interval u "$2") && shift ;;
    [0-9]*) duration=$1 ;;
    *) die 2 "measure: '$1' is neither a duration such as 10m nor an option; there are --cpus and --interval" ;;
    esac
    shift
done
need_daemon

label="debug pod, $duration"
measurement=$(earlier_or_new "measure-$duration" measurement "$label" \
    org.rtnode1 /org/rtnode1/latency org.rtnode1.Latency Start 'a{sv}' $((2 + ${#options[@]} / 3)) \
    duration s "$duration" name s "$label" "${options[@]}") || die 1 "rtnoded measures nothing; see above"
object=(org.rtnode1 "$measurement" org.rtnode1.Measurement)

echo "Measuring for $duration: measurement ${measurement##*/}"
status=0
bus call "${object[@]}" Wait >/dev/null || status=1
# The whole report is one string of many lines.
bus call "${object[@]}" GetReport s cyclictest-2.4 | strings | grep Latencies || status=1
doubts=$(property "${object[@]}" Invalid | strings | sed 's/^/# Not to be trusted: /')
[ -z "$doubts" ] || { echo "$doubts" && status=1; }
property "${object[@]}" Files | strings | sed 's/^/# Written: /'
forget "measure-$duration"
exit $status
