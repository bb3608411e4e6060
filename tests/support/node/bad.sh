# shellcheck shell=bash
# shellcheck disable=SC2154 # shares the variables of make
make_bad() { mkdir -p "$1"; }
