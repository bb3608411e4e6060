# shellcheck shell=bash disable=SC2154 # lib.sh is before this
# Back to the deployment before: the rollback deployment is booted next. After the end of one rollback the next one takes
# it back.
#
#   rollback.sh [--reboot]
reboot=false
case ${1:-} in
'') ;;
--reboot) reboot=true ;;
*) die 2 "rollback: '$1' is no option; there is --reboot" ;;
esac
need_daemon

job=$(earlier_or_new rollback job rollback "${manager[@]}" Rollback 'a{sv}' 1 reboot b "$reboot") ||
    die 1 "rtnoded took no job; see above"
echo "Rolling back: job ${job##*/}"
finish_job "$job" rollback "$reboot" "the deployments are as they were"
