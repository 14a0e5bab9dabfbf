#!/usr/bin/env bash
# Runs a program in a network of its own, where the machine can make one: Argo CD's application controller serves its
# metrics to everybody who reaches the machine, and cannot be told otherwise.
set -euo pipefail

unshare=(unshare --map-root-user --net)
if "${unshare[@]}" ip link set lo up 2>/dev/null; then
  exec "${unshare[@]}" bash -c 'ip link set lo up && exec "$@"' alone "$@"
fi
echo "no network of its own here: the metrics of Argo CD's controller can be seen from outside during the test" >&2
exec "$@"
