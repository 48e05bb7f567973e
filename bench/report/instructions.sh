#!/usr/bin/env bash
# User instructions an operation, counted by callgrind: what a noisy clock cannot tell apart, this can. Every contender
# runs with n and with 3 n operations; the difference leaves out what starting costs. Valgrind runs one thread at a
# time, so waiting is short and the count is that of the work.
#
# usage: instructions.sh [-d DIR] [-n OPERATIONS] ROW CONTENDER... [-- key=value...]
#   ROW as the contenders know it: empty_outside, empty_batch, empty_spawned, quicksort; DIR holds treadle_bench.
set -euo pipefail

directory=$(dirname "${BASH_SOURCE[0]}")/../../build/release/bench
operations=20000
while getopts 'd:n:' option; do
  case $option in
    d) directory=$OPTARG ;;
    n) operations=$OPTARG ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
if [ $# -lt 2 ]; then
  sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
row=$1
shift
contenders=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  contenders+=("$1")
  shift
done
[ $# -eq 0 ] || shift

# instructions CONTENDER N KEY=VALUE...
instructions() {
  local program=$directory/peer_$1 n=$2
  shift 2
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --fair-sched=yes "$program" "$row" "n=$n" reps=0 "$@" \
    2>&1 >/dev/null | sed -n 's/^.*Collected : \([0-9]*\).*/\1/p'
}

printf '%-12s %s\n' contender "instructions an operation ($row, median of 5)"
for contender in "${contenders[@]}"; do
  differences=()
  for _ in 1 2 3 4 5; do
    few=$(instructions "$contender" "$operations" "$@")
    many=$(instructions "$contender" $((operations * 3)) "$@")
    if [ -z "$few" ] || [ -z "$many" ]; then
      printf '%-12s %s\n' "$contender" "does not run this row"
      continue 2
    fi
    differences+=($((many - few)))
  done
  median=$(printf '%s\n' "${differences[@]}" | sort -n | sed -n 3p)
  awk -v name="$contender" -v count="$median" -v n=$((operations * 2)) \
    'BEGIN { printf "%-12s %.1f\n", name, count / n }'
done
