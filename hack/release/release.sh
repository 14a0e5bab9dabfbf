#!/usr/bin/env bash
# Makes of this tree what a release consists of, into the folder given; `make release` runs it. The same sources, version,
# name of the image and Go toolchain give the same bytes; reproduce.sh beside it shows that. Where the image's name has a
# registry, the chart and install.yaml name the image there, by its digest.
#
#   VERSION=v0.1.0 IMG=scopedtoken-operator:v0.1.0 REVISION=<commit> hack/release/release.sh dist
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${VERSION:?}" "${IMG:?}"
out=${1:?usage: release.sh <folder>}
chart=$out/scopedtoken-operator-${VERSION#v}.tgz
export TZ=UTC LC_ALL=C

fail() {
  echo "release: $*" >&2
  exit 1
}

# published says whether the image's name has a registry, as it is written into chart and install.yaml then.
published() { [[ $IMG == */* && ${IMG%%/*} =~ [.:] ]]; }

# point makes a copy of the chart name the published image: its repository as the default, its digest as an annotation that
# counts while nobody gives a tag or a digest of his own.
point() {
  local file
  for file in values.yaml files/defaults.yaml; do
    sed "s|repository: scopedtoken-operator\$|repository: ${IMG%:*}|" "$1/$file" >"$1/$file.new"
    mv "$1/$file.new" "$1/$file"
  done
  cat >>"$1/Chart.yaml" <<END
  astro.scopedtoken.dev/image-digest: $digest
  artifacthub.io/images: |
    - name: manager
      image: ${IMG%:*}@$digest
      platforms: [linux/amd64, linux/arm64]
END
}

# pack packs the chart with the release's version and image, from a copy in which every file is equally old: Helm notes
# when a file was changed, and a fresh clone is younger than this one.
pack() {
  local copy status=0
  copy=$(mktemp -d)
  cp -R config/chart "$copy/scopedtoken-operator"
  ! published || point "$copy/scopedtoken-operator"
  find "$copy" -exec touch -t 200001010000 {} +
  bin/helm package "$copy/scopedtoken-operator" --version "${VERSION#v}" --app-version "$VERSION" --destination "$out" >/dev/null || status=$?
  rm -rf "$copy"
  return "$status"
}

# said prints a field of the packed chart.
said() { bin/helm show chart "$chart" | sed -n "s/^$1: //p"; }

notes=docs/releases/$VERSION.md
[[ -f $notes ]] || fail "$VERSION has no notes: write $notes"
rm -rf "$out"
mkdir -p "$out"
made=$(make --no-print-directory image VERSION="$VERSION" IMG="$IMG" OUT="$out/scopedtoken-operator-$VERSION-image.tar" BOM="$out/sbom.cdx.json")
echo "$made"
digest=${made##*@}
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || fail "the image has no digest: $digest"
image=$IMG
! published || image=$IMG@$digest
pack
kustomize() { go tool -modfile=hack/tools/go.mod kustomize build "$1"; }
kustomize config/crd >"$out/crds.yaml"
kustomize config/default | sed "s|image: scopedtoken-operator:latest|image: $image|" >"$out/install.yaml"
# kubectl-stb, for fewer platforms if PLUGIN_PLATFORMS or PLATFORMS narrows the release.
plugins=${PLUGIN_PLATFORMS:-${PLATFORMS:-}}
go run ./hack/release/plugin -version="$VERSION" -out="$out" ${plugins:+-platforms="$plugins"}
cp "$notes" "$out/release-notes.md"

# What users put together has to fit together.
[[ $(said version) == "${VERSION#v}" && $(said appVersion) == "$VERSION" ]] || fail "the chart says $(said version) and $(said appVersion), not $VERSION"
grep -q "image: $image\$" "$out/install.yaml" || fail "install.yaml does not run $image"
! published || bin/helm template scopedtoken "$chart" --namespace scopedtoken-system | grep -q "image: \"${IMG%:*}@$digest\"\$" ||
  fail "the chart does not run ${IMG%:*}@$digest"
for archive in "$out"/kubectl-stb-"$VERSION"-*.tar.gz; do
  sum=$(sha256sum <"$archive")
  grep -A 1 "sha256: ${sum%% *}\$" "$out/stb.yaml" | grep -q "uri: .*/download/$VERSION/${archive##*/}\$" || fail "stb.yaml does not know ${archive##*/}"
done
grep -q "\"version\": \"$VERSION\"" "$out/sbom.cdx.json" || fail "the bill of materials is not of $VERSION"

(cd "$out" && sha256sum -- *) >"$out.checksums"
mv "$out.checksums" "$out/checksums.txt"
(cd "$out" && wc -c -- * | sed 's/^/  /')
