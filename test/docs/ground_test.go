package docs

import (
	"path/filepath"
	"slices"
)

// ground is a cluster as a reader has it who comes to a page, or to a section of one.
type ground []string

// The commands are run from the root of the repository.
var (
	empty     = ground{}
	installed = append(empty, `helm install scopedtoken config/chart --namespace scopedtoken-system --create-namespace --wait --set image.tag=v0.1.0`)
	// team has a namespace of a team beside it.
	team = append(slices.Clip(installed), `kubectl create namespace data-platform`)
	// connected has the connections of the samples; the namespace of the team is opened to the operator.
	connected = append(installed,
		`kubectl apply -f config/samples/namespace.yaml`,
		`kubectl apply -n data-platform -k config/tenant`,
		`for n in scopedtoken-system data-platform; do kubectl -n $n create secret generic astro-api --from-file=token=./astro-api-token; done`,
		`kubectl apply -f config/samples/clusterastroconnection.yaml -f config/samples/astroconnection.yaml`,
		`kubectl wait --for=condition=Ready castroconn/acme --timeout=60s && kubectl -n data-platform wait --for=condition=Ready astroconn/acme --timeout=60s`,
	)
	bound = append(slices.Clip(connected),
		`for f in config/samples/scopedtokenbinding_*.yaml; do kubectl apply -f $f; done`,
		`kubectl apply -f config/samples/targetinventory.yaml`,
		`kubectl -n data-platform wait --for=condition=Ready stb,tinv --all --timeout=60s`,
	)
)

// grounds are where the pages begin, by the heading from which on it is so.
var grounds = map[string]map[string]ground{
	"README.md":                            {"": empty},
	doc("install.md"):                      {"": empty, "With kubectl": empty, "With kustomize": empty, "Behind a corporate proxy": team, "In some namespaces only": empty, "With Argo CD or Flux": empty, "See that it works": installed},
	doc("upgrade.md"):                      {"": bound, "With kubectl or kustomize": kubectlInstalled, "See that it went well": bound, "Go back": twice, "From kubectl or kustomize to Helm": kubectlInstalled},
	doc("uninstall.md"):                    {"": bound, "Revoke everything": bound, "Keep the roles": bound, "Take the operator away": installed, "Take it away with kubectl or kustomize": renamed},
	doc("astroconnection.md"):              {"": connected},
	doc("audit.md"):                        {"": empty},
	doc("commands.md"):                     {"": connected},
	doc("kubectl-stb.md"):                  {"": bound},
	doc("operating.md"):                    {"": team},
	doc("runbook.md"):                      {"": bound},
	doc("security.md"):                     {"": installed},
	doc("scopedtokenbinding.md"):           {"": connected},
	doc("targetinventory.md"):              {"": bound},
	doc("how-to/adopt.md"):                 {"": connected},
	doc("how-to/argocd.md"):                {"": ground{`kubectl create namespace argocd`, `kubectl -n argocd create configmap argocd-cm`}},
	doc("how-to/first-binding.md"):         {"": installed},
	doc("how-to/read-a-conflict.md"):       {"": conflicting},
	doc("how-to/restore.md"):               {"": bound},
	doc("how-to/rotate-the-credential.md"): {"": connected},
	doc("how-to/shard.md"):                 {"": connected},
	doc("how-to/stuck-deletion.md"):        {"": bound, "No operator runs": unattended},
	doc("how-to/takeover.md"):              {"": connected, "A namespace at a time": connected},
	doc("how-to/ten-teams.md"):             {"": append(slices.Clip(installed), `kubectl -n scopedtoken-system create secret generic astro-api --from-file=token=./astro-api-token`)},
	doc("how-to/terraform.md"):             {"": connected},
}

var (
	kubectlInstalled = ground{`kubectl apply --server-side -k config/default`, `kubectl -n scopedtoken-system rollout status deployment/scopedtoken-controller-manager --timeout=60s`}
	// renamed is an overlay with other names in another namespace.
	renamed = ground{
		`mkdir -p operator && printf '%s\n' 'resources: [../config/default]' 'namespace: astro-system' 'namePrefix: acme-' > operator/kustomization.yaml`,
		`sed -n '/^replacements:/,$p' config/default/kustomization.yaml >> operator/kustomization.yaml`,
		`kubectl apply --server-side -k operator`,
		`kubectl -n astro-system rollout status deployment/acme-scopedtoken-controller-manager --timeout=60s`,
	}
	twice = append(slices.Clip(installed), `helm upgrade scopedtoken config/chart --namespace scopedtoken-system --wait --set image.tag=v0.1.0,concurrency=8`)
	// unattended has bindings that are being deleted, and no operator: it has ended by then.
	unattended = append(slices.Clip(bound),
		`kubectl -n scopedtoken-system scale deployment scopedtoken-controller-manager --replicas=0 && sleep 5`,
		`kubectl -n data-platform delete stb,astroconn --all --wait=false`)
	conflicting = append(slices.Clip(connected),
		claim("ci-on-prod", "DEPLOYMENT_ADMIN"), `kubectl -n data-platform wait --for=condition=Ready stb --all --timeout=60s`, claim("ci-on-prod-slim", "Deploy Only"))
)

func doc(path string) string { return filepath.Join("docs", filepath.FromSlash(path)) }

// claim declares a role of ci-deployer on prod-etl.
func claim(name, role string) string {
	return `sed -e 's/name: ci-deployer-on-prod-etl/name: ` + name + `/' -e 's/role: Deploy Only/role: ` + role +
		`/' config/samples/scopedtokenbinding_organization_token_on_deployment.yaml | kubectl apply -f -`
}
