#!/usr/bin/env bash
# Checks that the tree is as `make generate manifests docs chart fmt tidy` would leave it, and that the linters are content.
# It works in a dirty tree as well: a change made before it ran is no fault, one that it makes by generating is. With
# CI set the tree has to be clean.
set -euo pipefail
cd "$(git rev-parse --show-toplevel)"

failed=()

# step runs a check and goes on, so that one run tells of everything that is wrong.
step() {
  local name=$1 began=$SECONDS
  shift
  echo "verify: $name"
  if "$@"; then
    echo "verify: $name: ok, $((SECONDS - began)) s"
  else
    echo "verify: $name: FAILED, $((SECONDS - began)) s"
    failed+=("$name")
  fi
}

# snapshot prints the id of a git tree with the content of the work tree, and leaves the index as it is.
snapshot() {
  local index
  index=$(mktemp)
  cp "$(git rev-parse --git-path index)" "$index" 2>/dev/null || rm -f "$index"
  GIT_INDEX_FILE=$index git add --all
  GIT_INDEX_FILE=$index git write-tree
  rm -f "$index"
}

formatted() {
  local files
  files=$(git ls-files -co --exclude-standard -- '*.go' | while read -r file; do
    [[ ! -f $file ]] || gofmt -s -l "$file"
  done)
  [[ -z $files ]] || { printf 'not formatted, run make fmt:\n%s\n' "$files"; return 1; }
}

tidy() {
  local module status=0
  for module in $(git ls-files go.mod '*/go.mod' | xargs -n 1 dirname); do
    (cd "$module" && go mod tidy -diff) || { echo "$module is not tidy, run make tidy"; status=1; }
  done
  return "$status"
}

kustomizations() {
  local overlay status=0
  for overlay in config/default config/namespaced config/tenant config/policies config/policies/optional config/samples config/samples/gitops; do
    go tool -modfile=hack/tools/go.mod kustomize build "$overlay" >/dev/null || status=1
  done
  return "$status"
}

unchanged() {
  local after
  after=$(snapshot)
  if ! git diff --exit-code "$before" "$after"; then
    echo "generating changed the files above; commit them"
    return 1
  fi
  [[ -z "${CI:-}" || -z "$(git status --porcelain)" ]] || { git status --short; return 1; }
}

before=$(snapshot)
step "generate" make --no-print-directory generate manifests docs chart
step "generated files are committed" unchanged
step "formatting" formatted
step "modules are tidy" tidy
step "kustomize" kustomizations
step "chart" make --no-print-directory chart-lint
step "workflows" make --no-print-directory workflows
step "go vet" go vet ./...
step "lint" make --no-print-directory lint

if ((${#failed[@]} > 0)); then
  printf 'verify: failed: %s\n' "${failed[@]}"
  exit 1
fi
echo "verify: all well"
