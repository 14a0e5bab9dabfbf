package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// raws are a token's role entries as Astro stores them, but those on the given entity.
func (w *world) raws(token, without string) []string {
	var raws []string
	for _, r := range w.sim.Roles(token) {
		if r.EntityID != without {
			raws = append(raws, string(r.Raw))
		}
	}
	return raws
}

var _ = Describe("Roles that nobody declared", func() {
	It("survive byte for byte, whatever they are", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.SetRoles(w.ci,
			astrosim.RawRole(`{"role":"ORGANIZATION_MEMBER" , "entityId":"`+w.org+`","entityType":"ORGANIZATION","since":2026.50}`),
			astrosim.WorkspaceRole(w.science, "WORKSPACE_OWNER"),
			astrosim.RawRole(`{"entityType":"CLUSTER","entityId":"c-9","role":"CLUSTER_READER","expires":{"at":"2030-01-01","n":1e3},"tags":["a","<b>"]}`),
			astrosim.DeploymentRole(w.models, "Deploy Only"),
			astrosim.DAGRole(w.models, "nightly", "DAG_VIEWER"),
			astrosim.DAGTagRole(w.models, "pii", "DAG_AUTHOR"),
		)
		before := w.raws(w.ci, "")

		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl).WithRole("DEPLOYMENT_ADMIN"))
		w.expect("True/Granted", "b")
		Expect(w.raws(w.ci, w.etl)).To(Equal(before), "after a grant")
		w.role("b", "Deploy Only")
		w.expect("True/RoleUpdated", "b")
		Expect(w.raws(w.ci, w.etl)).To(Equal(before), "after a change")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.raws(w.ci, "")).To(Equal(before), "after a revocation")
	})

	It("keep their unknown fields when a binding takes them over and changes them", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.Grant(w.ci, astrosim.RawRole(`{"note":"by hand","entityType":"WORKSPACE","entityId":"`+w.data+`","role":"WORKSPACE_MEMBER","x":{"y":[1]}}`))
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("True/Adopted", "b")
		Expect(w.raws(w.ci, w.org)).To(Equal([]string{
			`{"note":"by hand","entityType":"WORKSPACE","entityId":"` + w.data + `","role":"WORKSPACE_OWNER","x":{"y":[1]}}`,
		}))
	})

	It("survive a grant that somebody makes between two of the operator's", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("a").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "a")
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only") // no listing has shown it yet
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
	})
})
