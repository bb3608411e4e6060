# shellcheck shell=bash disable=SC2154 # lib.sh is before this
# The how-to's step "Override RHCOS into RHCOS-RT": microcode and real-time kernel as one job and one new deployment.
#
#   convert.sh [--profile NAME | [--microcode PACKAGE] [--kernel-argument ARGUMENT]…] [--reboot]
#
# With --profile what that says, its kernel arguments too. PACKAGE is a name of the node's repositories, a URL or a path
# on the node; else the microcode stays. --reboot reboots the node when that is needed; it isn't drained.
microcode=() arguments=() profile='' reboot=false
while [ $# -gt 0 ]; do
    case $1 in
    --profile | --microcode | --kernel-argument) [ $# -gt 1 ] || die 2 "convert: $1 needs a value" ;;
    esac
    case $1 in
    --profile) profile=$2 && shift ;;
    --microcode) microcode+=("$2") && shift ;;
    --kernel-argument) arguments+=("$2") && shift ;;
    --reboot) reboot=true ;;
    *) die 2 "convert: '$1' is no option; there are --profile, --microcode, --kernel-argument and --reboot" ;;
    esac
    shift
done
[ -z "$profile" ] || [ ${#microcode[@]}${#arguments[@]} = 00 ] ||
    die 2 "convert: the profile says microcode and kernel arguments; leave out one or the other"
need_daemon

if [ -n "$profile" ]; then
    job=$(earlier_or_new convert job apply "${manager[@]}" Apply 'sa{sv}' "$profile" 1 reboot b "$reboot")
else
    job=$(earlier_or_new convert job override "${manager[@]}" Override 'asasasa{sv}' \
        ${#microcode[@]} "${microcode[@]}" 0 0 3 kernel s rt reboot b "$reboot" \
        append-kernel-arguments as ${#arguments[@]} "${arguments[@]}")
fi || die 1 "rtnoded took no job; see above"

echo "Converting this node: job ${job##*/}"
finish_job "$job" convert "$reboot" "the node is as it was"
