#!/usr/bin/env bash
# Runs a long command: says what is done, every half minute for how long already, and how long it took. Shows the output
# of the command only if it fails.
#
#   hack/progress.sh "building helm, a few minutes the first time" go build ...
set -euo pipefail
what=${1:?usage: progress.sh <what is done> <command> ...}
shift
log=$(mktemp "${TMPDIR:-/tmp}/progress.XXXXXX")
pid=
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null || true; rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

echo "$what ..."
"$@" >"$log" 2>&1 &
pid=$!
next=30
while kill -0 "$pid" 2>/dev/null; do
  sleep 0.2
  if ((SECONDS >= next)); then
    echo "  ... $SECONDS s"
    next=$((SECONDS + 30))
  fi
done
status=0
wait "$pid" || status=$?
pid=
if ((status != 0)); then
  cat "$log" >&2
  echo "failed after $SECONDS s: $*" >&2
  exit "$status"
fi
echo "  ... done in $SECONDS s"
