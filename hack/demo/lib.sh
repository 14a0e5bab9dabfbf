# How the demo starts and ends things, shows what it does, and checks what it shows. Sourced by run.sh; works with the
# bash of macOS.

work=$(mktemp -d "${TMPDIR:-/tmp}/scopedtoken-demo.XXXXXX")
pids=()
began=$SECONDS
if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

# clean ends what the demo started, the last first. If something went wrong, it tells what there was to see, and keeps
# the logs.
clean() {
  local status=$? i
  trap - EXIT
  trap '' INT TERM HUP
  ((status == 0 || status == 130)) || evidence >&2
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
  ((status != 0 && status != 130)) || rm -rf "$work"
  exit "$status"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
  printf '\n%sNOT SO:%s %s\n' "$bold" "$plain" "$*" >&2
  exit 1
}

# evidence is what helps to find out why the demo failed.
evidence() {
  printf '\n%sThe demo failed.%s Its logs and objects are in %s.\n' "$bold" "$plain" "$work"
  if [[ -e $work/admin.kubeconfig ]]; then
    kubectl get astro -A -o yaml >"$work/objects.yaml" || true
    kubectl get stb -A -o custom-columns='BINDING:.metadata.name,MESSAGE:.status.conditions[?(@.type=="Ready")].message' || true
  fi
  tail -n 12 "$work"/*.log || true
}

# background starts a program whose output goes to a log, to be ended by clean.
background() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 &
  pids+=($!)
}

# alive fails if one of the programs has ended.
alive() {
  local pid
  for pid in "${pids[@]}"; do
    kill -0 "$pid" 2>/dev/null || fail "a program of the demo has ended"
  done
}

# eventually runs a command until it succeeds, for so many seconds at most.
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    alive
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

step() { printf '\n%s== %s%s %s(%d s)%s\n' "$bold" "$*" "$plain" "$dim" $((SECONDS - began)) "$plain"; }
say() { printf '%s\n' "$*"; }
indent() { sed 's/^/  /'; }

# kubectl is the one of the control plane, or the user's.
kubectl() { "$kubectl" "$@"; }

# show runs kubectl as a user would, and shows it.
show() {
  local word words=""
  for word in "$@"; do
    case $word in
    *[!a-zA-Z0-9=:,./_-]*) words+=" '$word'" ;;
    *) words+=" $word" ;;
    esac
  done
  printf '%s$ kubectl%s%s\n' "$bold" "$words" "$plain"
  kubectl "$@" 2>&1 | indent
}

# holds shows what Astro holds, with the changes since it was shown last: + came, ~ changed, - went.
holds() {
  say "Astro holds:"
  "$work/simctl" holds "$work/astro.json" | indent
}

# expect_role checks what role a token has in Astro, "" for none.
has_role() { [[ $("$work/simctl" role "$1" "$2") == "$3" ]]; }
expect_role() {
  has_role "$@" || fail "Astro should hold '$3' for $1 on $2, and holds '$("$work/simctl" role "$1" "$2")'"
}

# condition prints a part of a binding's condition: namespace, name, type, part.
condition() { kubectl -n "$1" get stb "$2" -o jsonpath="{.status.conditions[?(@.type==\"$3\")].$4}"; }

# expect_reason waits until a binding's condition has the reason: namespace, name, type, reason.
expect_reason() {
  kubectl -n "$1" wait stb "$2" --for=jsonpath="{.status.conditions[?(@.type==\"$3\")].reason}=$4" --timeout=20s >/dev/null ||
    fail "$3 of $1/$2 should say $4, and says $(condition "$1" "$2" "$3" reason): $(condition "$1" "$2" "$3" message)"
}

# tell prints what a condition tells the user.
tell() { say "  $2 says: $(condition "$1" "$2" "$3" reason): $(condition "$1" "$2" "$3" message)"; }

# inventory_rows prints a line for each token of the inventory: name|scope|role|made by|declared by.
inventory_rows() {
  kubectl -n data-platform get targetinventory prod-etl \
    -o jsonpath='{range .status.tokens[*]}{.name}|{.scope}|{.role}|{.createdBy}|{.declaredBy}{"\n"}{end}'
}

inventory_lists() { [[ $(inventory_rows | cut -d '|' -f 1,3,5 | sort) == "$1" ]]; }

# inventory shows them.
inventory() {
  local name scope role by declared
  { echo "TOKEN|MADE IN|ROLE|MADE BY|DECLARED BY"; inventory_rows; } | while IFS='|' read -r name scope role by declared; do
    printf '  %-16s %-13s %-17s %-8s %s\n' "$name" "$scope" "$role" "$by" "$declared"
  done
}

# keep leaves everything running until Ctrl-C, or until a program ends.
keep() {
  trap 'exit 0' INT TERM HUP
  cat <<END

Everything keeps running until you press Ctrl-C here. In another terminal:

  export KUBECONFIG=$(printf %q "$KUBECONFIG") ASTROSIM_URL=$ASTROSIM_URL
  simctl=$(printf %q "$work/simctl")       # looks at the simulated Astro and meddles with it
  kubectl=$(printf %q "$kubectl")

  "\$kubectl" get astro -A
  "\$kubectl" -n data-platform describe stb ci-deployer-on-data
  "\$kubectl" -n data-platform patch stb ci-deployer-on-data --type=merge -p '{"spec":{"role":"WORKSPACE_AUTHOR"}}'
  "\$simctl" holds /tmp/astro.json
  "\$simctl" POST tokens/ci-deployer/revoke workspace='Data Platform'      # comes back within 5 s, but not for ever: see the message of the binding
  "\$simctl" POST faults kind=server-error endpoint=tokens.roles times=3   # Astro fails three writes
  "\$simctl" GET audit format=table                                       # every write of roles, and whose
  tail -f $(printf %q "$work/manager.log")
END
  while :; do
    alive
    sleep 1
  done
}
