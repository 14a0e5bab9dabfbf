#!/usr/bin/env bash
# Shows the operator at work: a real API server, the operator with the rights it is shipped with, and the simulated Astro
# with 80 ms a call and the published rate limits. Each step checks what it shows. Needs bin/manager, bin/astrosim and a
# control plane in bin/k8s or KUBEBUILDER_ASSETS; `make demo` sees to that. KEEP=1 leaves all of it running until Ctrl-C.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source hack/demo/lib.sh

kubectl=${KUBEBUILDER_ASSETS:-$PWD/bin/k8s}/kubectl
[[ -x $kubectl ]] || kubectl=$(command -v kubectl) || fail "there is no kubectl: run make controlplane"
[[ -x bin/manager && -x bin/astrosim ]] || fail "there is no bin/manager or bin/astrosim: run make build"
export KUBECONFIG=$work/admin.kubeconfig KUBECACHEDIR=$work/kubectl

step "Starting an API server and a simulated Astro"
say "Building what the demo is made of ..."
go build -o "$work/" ./hack/demo/controlplane ./hack/demo/simctl
background controlplane "$work/controlplane" --out "$work" --operator system:serviceaccount:scopedtoken-system:scopedtoken-controller-manager
background astrosim bin/astrosim --listen 127.0.0.1:0 --seed-file hack/demo/seed.yaml --latency 80ms --limits --credentials-dir "$work/credentials"
eventually 60 grep -q 'listens at' "$work/astrosim.log" || fail "astrosim does not start"
ASTROSIM_URL=$(sed -n 's/.*listens at \(http[^ ]*\).*/\1/p' "$work/astrosim.log")
export ASTROSIM_URL
eventually 60 test -e "$KUBECONFIG" || fail "the API server does not start"
say "Kubernetes: $(kubectl version | sed -n 's/^Server Version: //p')"
say "Astro:      $ASTROSIM_URL, 80 ms a call, 25 reads and 10 writes a second"
holds
expect_role ci-deployer "Data Science" WORKSPACE_MEMBER

step "Installing the operator"
kubectl apply --server-side -k config/default | sed 's/ serverside-applied//' | indent
kubectl wait --for=condition=Established crd --all --timeout=20s >/dev/null
show apply -f config/samples/namespace.yaml
say "Of Secrets it may read those of its own namespace, and of the namespaces that are opened to it:"
show apply -n data-platform -k config/tenant
for right in "list secrets -n data-platform" "update leases -n scopedtoken-system" "list scopedtokenbindings.astro.scopedtoken.dev -A"; do
  # shellcheck disable=SC2086 # several words
  eventually 20 kubectl auth can-i -q $right --as system:serviceaccount:scopedtoken-system:scopedtoken-controller-manager ||
    fail "the operator may not $right"
done
say "There is no node to run its Pod here, so bin/manager runs beside it, with the rights of its service account."
background manager bin/manager --kubeconfig "$work/operator.kubeconfig" --operator-namespace scopedtoken-system --leader-elect \
  --secret-namespaces data-platform \
  --allowed-api-hosts "${ASTROSIM_URL#http://}" --metrics-bind-address 0 --health-probe-bind-address 0
for namespace in data-platform scopedtoken-system; do
  show -n "$namespace" create secret generic astro-api --from-file=token="$work/credentials/operator"
done
sed "s|ASTRO_URL|$ASTROSIM_URL|" hack/demo/connections.yaml | kubectl apply -f - | indent
show wait --for=condition=Ready --timeout=30s -n data-platform clusterastroconnection/acme astroconnection/acme

step "(a) One binding of each family of the Astro CLI's commands"
for family in organization_token_on_workspace organization_token_on_deployment workspace_token_on_deployment; do
  show apply -f "config/samples/scopedtokenbinding_$family.yaml"
done
show -n data-platform wait --for=condition=Ready --timeout=20s stb --all
show -n data-platform get stb
holds
expect_role ci-deployer "Data Platform" WORKSPACE_MEMBER
expect_role ci-deployer prod-etl "Deploy Only"
expect_role airflow-metrics prod-etl DEPLOYMENT_ADMIN
expect_role ci-deployer "Data Science" WORKSPACE_MEMBER

step "(b) A role is edited: astro workspace token organization-token update"
show -n data-platform patch stb ci-deployer-on-data --type=merge -p '{"spec":{"role":"WORKSPACE_OPERATOR"}}'
expect_reason data-platform ci-deployer-on-data Ready RoleUpdated
show -n data-platform get stb ci-deployer-on-data
holds
expect_role ci-deployer "Data Platform" WORKSPACE_OPERATOR

step "(c) A binding is deleted: astro deployment token workspace-token remove"
show -n data-platform delete stb airflow-metrics-on-prod-etl --timeout=20s
holds
expect_role airflow-metrics prod-etl ""
expect_role airflow-metrics "Data Platform" WORKSPACE_MEMBER
say "And declared again:"
show apply -f config/samples/scopedtokenbinding_workspace_token_on_deployment.yaml
show -n data-platform wait --for=condition=Ready --timeout=20s stb/airflow-metrics-on-prod-etl
expect_role airflow-metrics prod-etl DEPLOYMENT_ADMIN
"$work/simctl" holds "$work/astro.json" >/dev/null

step "(d) Somebody changes roles in Astro's UI; the next sweep, at most 5 s later, sees it"
"$work/simctl" POST tokens/ci-deployer/grant workspace="Data Platform" role=WORKSPACE_OWNER
"$work/simctl" POST tokens/ci-deployer/revoke deployment=prod-etl
"$work/simctl" POST tokens/legacy-bot/grant workspace="Data Science" role=WORKSPACE_MEMBER
holds
eventually 20 has_role ci-deployer prod-etl "Deploy Only" || fail "the removed role does not come back"
eventually 20 has_role ci-deployer "Data Platform" WORKSPACE_OPERATOR || fail "the raised role is not lowered"
expect_reason data-platform ci-deployer-on-prod-etl Ready DriftCorrected
expect_reason data-platform ci-deployer-on-data Ready DriftCorrected
show -n data-platform get stb
say "What is declared is as declared again; what nobody declared, such as the new role of legacy-bot, is left alone."
holds
expect_role legacy-bot "Data Science" WORKSPACE_MEMBER

step "(e) Two bindings want different roles for one token on one Deployment: the first has the say"
show apply -f hack/demo/conflict.yaml
expect_reason data-platform ci-deployer-as-admin Ready ConflictingBinding
show -n data-platform get stb
tell data-platform ci-deployer-as-admin Ready
expect_role ci-deployer prod-etl "Deploy Only"
say "When the first goes, the second gets its turn, in one write, so that the token is not without a role in between:"
"$work/simctl" POST audit/reset
show -n data-platform delete stb ci-deployer-on-prod-etl --timeout=20s
show -n data-platform wait --for=condition=Ready --timeout=20s stb/ci-deployer-as-admin
"$work/simctl" GET audit format=table | indent
(($("$work/simctl" GET audit format=table | wc -l) == 2)) || fail "there should be one write"
holds
expect_role ci-deployer prod-etl DEPLOYMENT_ADMIN

step "(f) A ClusterAstroConnection allows what its rules name, and nothing else"
show apply -f hack/demo/forbidden.yaml
expect_reason marketing help-yourself Ready NamespaceNotAllowed
expect_reason data-platform too-much Ready RoleNotAllowed
show get stb -A
tell marketing help-yourself Ready
tell data-platform too-much Ready
holds
expect_role ci-deployer "Data Platform" WORKSPACE_OPERATOR
expect_role ci-deployer prod-etl DEPLOYMENT_ADMIN
say "They hold nothing, so nothing keeps them:"
show -n data-platform delete stb too-much --timeout=20s
show -n marketing delete stb help-yourself --timeout=20s
expect_role ci-deployer prod-etl DEPLOYMENT_ADMIN

step "(g) Every token with a role on a Deployment, declared or not: astro deployment token ... list"
show apply -f config/samples/targetinventory.yaml
show -n data-platform wait --for=condition=Ready --timeout=20s targetinventory/prod-etl
eventually 20 inventory_lists "airflow-metrics|DEPLOYMENT_ADMIN|data-platform/airflow-metrics-on-prod-etl
ci-deployer|DEPLOYMENT_ADMIN|data-platform/ci-deployer-as-admin
legacy-bot|DEPLOYMENT_ADMIN|" || fail "the inventory is not complete: $(inventory_rows)"
show -n data-platform get targetinventory
inventory

step "All of it"
show get stb -A
kubectl -n data-platform wait --for=condition=Ready --timeout=20s stb --all >/dev/null || fail "not every binding is Ready"
holds
grep -q ASSET_READER <<<"$("$work/simctl" GET tokens/ci-deployer/roles)" || fail "a role of a type that the operator does not know is gone"
say "Calls to Astro, the sweeps of two connections every five seconds among them:"
"$work/simctl" GET counts format=table | indent
kubectl get astro,events -A -o yaml >"$work/objects.yaml"
if grep -qF "$(cat "$work/credentials/operator")" "$work/manager.log" "$work/objects.yaml"; then
  fail "the API token stands in a log, an event or a status"
fi
if grep -F 'is forbidden' "$work/manager.log"; then
  fail "the operator lacks a right that it is not shipped with"
fi
step "Every step was as it should be"

if [[ ${KEEP:-} == 1 ]]; then
  keep
fi
