# shellcheck shell=bash disable=SC2154 # lib.sh is before this
# The how-to's validations on the node: what runs against what was asked for, row by row. Fails when one is wrong.
[ $# = 0 ] || die 2 "verify: '$1' is too much; it takes no arguments"
need_daemon

rows=$(bus call "${manager[@]}" Verify 'a{sv}' 0)
# Each row is a dictionary of strings, in the order of its keys: actual, check, expected, remedy, state.
strings <<<"$rows" | awk '
    NR % 2 { key = $0; next }
    { row[key] = $0 }
    NR % 10 == 0 {
        if (row["state"] == "failed") {
            failed++
            printf "FAILED  %s: expected %s, is %s\n", row["check"], row["expected"], row["actual"]
            print "        " row["remedy"]
        } else if (row["state"] == "ok") { ok++; print "ok      " row["check"] }
        else { other++; printf "-       %s (%s): %s\n", row["check"], row["state"], row["remedy"] }
        delete row
    }
    END {
        printf "%d checks are right, %d wrong, %d can'\''t be told or don'\''t apply\n", ok, failed, other
        exit (failed > 0 || NR == 0 || NR % 10 > 0)
    }'
