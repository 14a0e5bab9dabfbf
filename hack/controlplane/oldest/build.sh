#!/usr/bin/env bash
# Builds the kube-apiserver of the oldest Kubernetes that is tested into the folder given, beside the etcd and kubectl of
# another: about six minutes the first time on two cores.
#
#   hack/controlplane/oldest/build.sh bin/k8s-oldest bin/k8s
set -euo pipefail
out=${1:?usage: build.sh <folder for the programs> <folder with etcd and kubectl>}
mkdir -p "$out"
out=$(cd "$out" && pwd)
others=$(cd "${2:?folder with etcd and kubectl}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")"

# Kubernetes takes its version from the linker.
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
IFS=. read -r major minor _ <<<"${version#v}"
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
done

../../progress.sh "kube-apiserver $version into $out, about six minutes the first time" \
  go build -mod=readonly -trimpath -ldflags "$flags" -o "$out/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
ln -sf "$others/etcd" "$others/kubectl" "$out/"
