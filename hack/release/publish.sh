#!/usr/bin/env bash
# Publishes the release in the folder given, which release.sh has made: pushes image and chart, signs both by digest, and
# attests what the image is made of and how all of it was built. The workflow for tags runs it, and check.sh, on a registry
# of its own, does.
#
#   VERSION=v0.1.0 IMG=ghcr.io/scopedtoken/scopedtoken-operator:v0.1.0 REVISION=<commit> \
#     CHARTS=oci://ghcr.io/scopedtoken/charts COSIGN=bin/cosign hack/release/publish.sh dist
#
# Without SIGN_WITH cosign signs with the identity of the workflow and notes that in Sigstore's public log; SIGN_WITH are
# flags for it, such as those of a key. HELM_PUSH are flags for `helm push`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${VERSION:?}" "${IMG:?}" "${REVISION:?}" "${CHARTS:?}" "${COSIGN:?}"
out=${1:?usage: publish.sh <folder>}
name=scopedtoken-operator
read -ra with <<<"${SIGN_WITH:-}"
read -ra push <<<"${HELM_PUSH:-}"

fail() {
  echo "publish: $*" >&2
  exit 1
}

# Image: what is pushed has to be what the archive and the chart have.
wanted=$(bin/helm show chart "$out/$name-${VERSION#v}.tgz" | sed -n 's|^  astro.scopedtoken.dev/image-digest: ||p')
[[ -n $wanted ]] || fail "the chart in $out names no image by its digest: make the release with RELEASE_IMG=$IMG"
pushed=$(make --no-print-directory push VERSION="$VERSION" IMG="$IMG" REVISION="$REVISION")
image=${IMG%:*}@${pushed##*@}
[[ ${pushed##*@} == "$wanted" ]] || fail "pushed ${pushed##*@}, and the chart runs $wanted"
echo "publish: $image"

# Chart.
pushed=$(bin/helm push "$out/$name-${VERSION#v}.tgz" "$CHARTS" ${push[@]+"${push[@]}"} 2>&1) || fail "$pushed"
digest=$(sed -n 's/^Digest: //p' <<<"$pushed")
[[ $digest == sha256:* ]] || fail "helm does not tell the chart's digest: $pushed"
chart=${CHARTS#oci://}/$name@$digest
echo "publish: $chart"

# Signatures and attestations.
provenance=$(mktemp)
trap 'rm -f "$provenance"' EXIT
hack/release/provenance.sh >"$provenance"
cosign() {
  local command=$1
  shift
  "$COSIGN" "$command" --yes ${with[@]+"${with[@]}"} "$@"
}
for artifact in "$image" "$chart"; do
  cosign sign "$artifact"
  cosign attest --type slsaprovenance1 --predicate "$provenance" "$artifact"
done
cosign attest --type cyclonedx --predicate "$out/sbom.cdx.json" "$image"
cosign sign-blob --bundle "$out/checksums.txt.sigstore.json" "$out/checksums.txt"
echo "publish: signed"
