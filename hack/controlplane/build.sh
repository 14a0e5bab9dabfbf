#!/usr/bin/env bash
# Builds the programs of a Kubernetes control plane from the module beside this file into the folder given, and skips
# what already stands there for the pinned versions. If KUBEBUILDER_ASSETS is set, the programs are taken from there
# and nothing is built.
#
#   hack/controlplane/build.sh bin/k8s
set -euo pipefail

if [[ -n "${KUBEBUILDER_ASSETS:-}" ]]; then
  echo "control plane: using KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS"
  exit 0
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: build.sh <folder for the programs>}
mkdir -p "$out/.stamps"
out=$(cd "$out" && pwd)
cd "$here"

log=$out/build.log
pids=()
cleanup() {
  ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
  rm -f "$out"/*.part
}
trap cleanup EXIT

# A program is built again when a pinned version (go.sum), the Go toolchain or this recipe changes.
key=$({ git hash-object go.sum build.sh; go env GOVERSION GOOS GOARCH; } | git hash-object --stdin)

# program, package, and the time of a first build on two cores, most of which goes into what the first ones share.
programs=(
  "etcd                     go.etcd.io/etcd/server/v3                       half a minute"
  "kube-apiserver           k8s.io/kubernetes/cmd/kube-apiserver            three minutes"
  "kube-controller-manager  k8s.io/kubernetes/cmd/kube-controller-manager   two minutes"
  "kubectl                  k8s.io/kubernetes/cmd/kubectl                   one minute"
)

built() { [[ -x "$out/$1" && "$(cat "$out/.stamps/$1" 2>/dev/null)" == "$key" ]]; }

# run says every half minute that a long command is still at it, and shows the command's output only if it fails.
run() {
  local began=$SECONDS next=$((SECONDS + 30)) status=0
  "$@" >"$log" 2>&1 &
  local pid=$!
  pids=("$pid")
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if ((SECONDS >= next)); then
      echo "  ... $((SECONDS - began)) s"
      next=$((SECONDS + 30))
    fi
  done
  wait "$pid" || status=$?
  pids=()
  if ((status != 0)); then
    cat "$log" >&2
    echo "control plane: failed: $*" >&2
    exit "$status"
  fi
}

missing=0
for line in "${programs[@]}"; do
  read -r name _ <<<"$line"
  built "$name" || missing=$((missing + 1))
done
if ((missing == 0)); then
  exit 0
fi

# Kubernetes takes its version from the linker; without it `kubectl version` would tell of v0.0.0-master.
kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
IFS=. read -r major minor _ <<<"${kubernetes#v}"
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$kubernetes -X $package.gitMajor=$major -X $package.gitMinor=$minor"
  flags+=" -X $package.gitTreeState=clean"
done

echo "control plane: Kubernetes $kubernetes into $out ($missing of ${#programs[@]} to build)"
number=0
for line in "${programs[@]}"; do
  number=$((number + 1))
  read -r name package time <<<"$line"
  if built "$name"; then
    echo "$name ($number of ${#programs[@]}) is there"
    continue
  fi
  echo "building $name ($number of ${#programs[@]}), about $time the first time ..."
  began=$SECONDS
  run go build -mod=readonly -trimpath -ldflags "$flags" -o "$out/$name.$$.part" "$package"
  mv "$out/$name.$$.part" "$out/$name"
  echo "$key" >"$out/.stamps/$name"
  echo "built $name in $((SECONDS - began)) s"
done
rm -f "$log"
