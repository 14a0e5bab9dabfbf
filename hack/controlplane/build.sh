#!/usr/bin/env bash
# Puts the programs of a Kubernetes control plane into the folder given, all or those named, and skips what already stands
# there for the pinned versions. What a release index has is downloaded, in seconds; the rest is built from the module
# beside this file, which works without a network once Go has the modules. If KUBEBUILDER_ASSETS is set, the programs are
# taken from there and nothing is done.
#
#   hack/controlplane/build.sh bin/k8s [etcd kube-apiserver ...]
#
# ENVTEST_INDEX is the URL of another index than setup-envtest's, or `none`: build everything.
set -euo pipefail

if [[ -n "${KUBEBUILDER_ASSETS:-}" ]]; then
  echo "control plane: using KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS"
  exit 0
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: build.sh <folder for the programs> [<program> ...]}
shift
wanted=" ${*:-etcd kube-apiserver kubectl kube-controller-manager} "
mkdir -p "$out/.stamps"
out=$(cd "$out" && pwd)
cd "$here"
trap 'rm -f "$out"/*.$$.part' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A program is made again when a pinned version (go.sum), the Go toolchain or this recipe changes.
key=$({ git hash-object go.sum build.sh; go env GOVERSION GOOS GOARCH; } | git hash-object --stdin)

# program, package, and the time of a first build on two cores, most of which goes into what the first ones share.
programs=(
  "etcd                     go.etcd.io/etcd/server/v3                       one minute"
  "kube-apiserver           k8s.io/kubernetes/cmd/kube-apiserver            three to ten minutes"
  "kube-controller-manager  k8s.io/kubernetes/cmd/kube-controller-manager   two to four minutes"
  "kubectl                  k8s.io/kubernetes/cmd/kubectl                   one minute"
)

there() { [[ -x "$out/$1" && "$(cat "$out/.stamps/$1" 2>/dev/null)" == "$key" ]]; }

missing=()
for line in "${programs[@]}"; do
  read -r name _ <<<"$line"
  [[ $wanted != *" $name "* ]] || there "$name" || missing+=("$name")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
echo "control plane: Kubernetes $kubernetes into $out: ${missing[*]}"

# kube-controller-manager is in no index; where it alone is missing there is nothing to ask for.
if [[ ${ENVTEST_INDEX:-} != none && ${missing[*]} != kube-controller-manager ]]; then
  go build -C ../tools -o "$out/.stamps/envtest" ./envtest
  if fetched=$("$out/.stamps/envtest" -index "${ENVTEST_INDEX:-}" -version "$kubernetes" -out "$out" "${missing[@]}"); then
    for name in $fetched; do
      echo "$key" >"$out/.stamps/$name"
    done
  fi
fi

# Kubernetes takes its version from the linker; without it `kubectl version` would tell of v0.0.0-master.
IFS=. read -r major minor _ <<<"${kubernetes#v}"
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$kubernetes -X $package.gitMajor=$major -X $package.gitMinor=$minor"
  flags+=" -X $package.gitTreeState=clean"
done

number=0
for line in "${programs[@]}"; do
  read -r name package time <<<"$line"
  [[ " ${missing[*]} " == *" $name "* ]] || continue
  number=$((number + 1))
  there "$name" && continue
  part=$out/$name.$$.part
  ../progress.sh "building $name ($number of ${#missing[@]}), about $time the first time" \
    go build -mod=readonly -trimpath -ldflags "$flags" -o "$part" "$package"
  mv "$part" "$out/$name"
  echo "$key" >"$out/.stamps/$name"
done
