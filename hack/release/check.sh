#!/usr/bin/env bash
# Publishes the release in the folder given to a registry on loopback, signed with a key that is made for it, and runs the
# commands of docs/verify-a-release.md on it: what is signed must pass, and what is not must fail. `make release-check`
# runs it; it needs no network.
#
#   VERSION=v0.1.0 REVISION=<commit> COSIGN=bin/cosign REGISTRY=bin/registry hack/release/check.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
: "${VERSION:?}" "${REVISION:?}" "${COSIGN:?}" "${REGISTRY:?}"
COSIGN=$(cd "$(dirname "$COSIGN")" && pwd)/$(basename "$COSIGN")
work=$(mktemp -d "${TMPDIR:-/tmp}/release-check.XXXXXX")
pid=
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

fail() {
  echo "release-check: $*" >&2
  exit 1
}

"$REGISTRY" -port 0 >"$work/registry.log" 2>&1 &
pid=$!
for _ in {1..100}; do
  port=$(sed -n 's/.*serving on port \([0-9]*\).*/\1/p' "$work/registry.log")
  [[ -z $port ]] || break
  sleep 0.1
done
[[ -n $port ]] || fail "the registry does not start: $(cat "$work/registry.log")"
host=127.0.0.1:$port

# One platform will do to see what is signed.
export PLATFORMS=${PLATFORMS:-linux/$(go env GOARCH)}
# A key instead of the workflow's identity, and no public log: everything else is as in the workflow.
export COSIGN_PASSWORD='' VERSION REVISION COSIGN
(cd "$work" && "$COSIGN" generate-key-pair && "$COSIGN" generate-key-pair --output-key-prefix other) >/dev/null 2>&1
echo '{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json", "rekorTlogConfig": {}, "tsaConfig": {}}' >"$work/nowhere.json"
echo '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}' >"$work/nobody.json"
export IMG=$host/scopedtoken/scopedtoken-operator:$VERSION CHARTS=oci://$host/scopedtoken/charts
hack/release/release.sh "$work/dist"
SIGN_WITH="--key $work/cosign.key --signing-config $work/nowhere.json --trusted-root $work/nobody.json" HELM_PUSH=--plain-http hack/release/publish.sh "$work/dist"

# What the page's reader has: cosign, a helm that may speak http here, and gh, which downloads from the folder.
mkdir -p "$work/bin" "$work/reader"
ln -s "$COSIGN" "$work/bin/cosign"
cat >"$work/bin/helm" <<END
#!/usr/bin/env bash
exec "$root/bin/helm" "\$@" --plain-http
END
cat >"$work/bin/gh" <<END
#!/usr/bin/env bash
[[ "\$1 \$2" == "release download" && \$* == *"--dir release"* ]] && cp -R "$work/dist" release
END
chmod +x "$work/bin/helm" "$work/bin/gh"

# page prints the commands of the page, with this registry, and with a public key where the page names the workflow.
page() {
  sed '/^## How it is built/,$d' docs/verify-a-release.md | sed -n '/^```sh$/,/^```$/p' | grep -v '^```' |
    sed -e "s|ghcr.io/|$host/|g" -e "s|v0\.1\.0|$VERSION|g" -e "s|\([^v]\)0\.1\.0|\1${VERSION#v}|g" \
      -e "s|^  --certificate-identity .*|  --key $1 --insecure-ignore-tlog=true|" -e '/^  --certificate-oidc-issuer /d'
}

# reader runs commands in the reader's folder.
reader() { (cd "$work/reader" && PATH=$work/bin:$PATH bash -euo pipefail -c "$1"); }

page "$work/cosign.pub" >"$work/commands"
[[ $(grep -c '^cosign ' "$work/commands") -ge 6 ]] || fail "docs/verify-a-release.md has lost its commands"
reader "$(cat "$work/commands")" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "a command of the page fails"; }
grep -q "\"gitCommit\":\"$REVISION\"" "$work/log" || fail "the provenance does not tell the commit"
echo "release-check: the page's commands pass"

# Each of its verifications fails with a key that has signed nothing.
page "$work/other.pub" >"$work/commands"
settings=$(sed -n '1,/^)$/p' "$work/commands"; grep -E '^(image|chart)=' "$work/commands")
while IFS= read -r command; do
  ! reader "$settings"$'\ncd release\n'"$command" >"$work/log" 2>&1 || fail "passes with another key: $command"
done < <(grep '^cosign verify' "$work/commands")
# And the checksums, if a byte of a file or of themselves is another.
page "$work/cosign.pub" >"$work/commands"
settings=$(sed -n '1,/^)$/p' "$work/commands")
echo >>"$work/reader/release/install.yaml"
! reader "cd release; sha256sum --check --quiet checksums.txt" >"$work/log" 2>&1 || fail "a changed file passes"
echo >>"$work/reader/release/checksums.txt"
! reader "$settings"$'\ncd release\n'"$(grep '^cosign verify-blob' "$work/commands")" >"$work/log" 2>&1 || fail "changed checksums pass"
echo "release-check: what is not signed is refused"
