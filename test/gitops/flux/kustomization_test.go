package flux

import (
	"path/filepath"
	"testing"
)

// TestKustomizationWaitsForBindings sees the examples through: the bindings come after the connection, the Kustomization
// is Ready when they are, fails at once and names the one that is refused, and is Ready again once that is fixed.
func TestKustomizationWaitsForBindings(t *testing.T) {
	settle(t)
	manifests := filepath.Join(root, "config", "samples", "gitops")
	repository := example(t, "source.yaml")
	apply(t, repository...)
	apply(t, example(t, "kustomizations.yaml")...)
	source.publish(t, repository[0], archive(t, manifests), "main@sha1:1")
	says(t, kustomization, "astro-connections", "True", "ReconciliationSucceeded")
	says(t, kustomization, "astro-bindings", "True", "ReconciliationSucceeded")
	for _, name := range []string{"ci-deployer-on-data", "ci-deployer-on-prod-etl"} {
		says(t, binding, name, "True", "Granted")
	}

	source.publish(t, repository[0], archive(t, manifests, "role: WORKSPACE_MEMBER", "role: WORKSPACE_OWNER"), "main@sha1:2")
	says(t, kustomization, "astro-bindings", "False", "HealthCheckFailed", "stalled", "ci-deployer-on-data status: 'Failed'")
	says(t, binding, "ci-deployer-on-data", "False", "RoleNotAllowed")

	source.publish(t, repository[0], archive(t, manifests), "main@sha1:3")
	says(t, kustomization, "astro-bindings", "True", "ReconciliationSucceeded")
	says(t, binding, "ci-deployer-on-data", "True")
}
