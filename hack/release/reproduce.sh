#!/usr/bin/env bash
# Makes the release that stands in the folder given once more, from a copy of the tree in another place, and fails if a
# byte differs.
#
#   VERSION=v0.1.0 REVISION=<commit> hack/release/reproduce.sh dist
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${VERSION:?}" "${IMG:?}"
first=$(cd "${1:?usage: reproduce.sh <folder>}" && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [[ ! -e $file ]] || printf '%s\0' "$file"
done | tar --null -T - -cf - | tar -xf - -C "$copy"
mkdir "$copy/bin"
cp bin/helm "$copy/bin/helm"
VERSION=$VERSION IMG=$IMG REVISION=${REVISION:-} "$copy/hack/release/release.sh" "$copy/dist" >"$copy/log" || { cat "$copy/log" >&2; exit 1; }
if ! diff "$first/checksums.txt" "$copy/dist/checksums.txt"; then
  echo "reproduce: these differ" >&2
  exit 1
fi
(cd "$first" && sha256sum --check --quiet checksums.txt)
echo "reproduce: the same bytes in $copy"
