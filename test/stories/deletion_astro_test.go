package stories

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A binding that is deleted after what it binds was deleted in Astro", func() {
	deletions := map[string]struct {
		binding func(w *world) *builders.BindingBuilder
		remove  func(w *world)
	}{
		"an Organization token by name": {
			binding: func(*world) *builders.BindingBuilder {
				return builders.Binding("b").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER")
			},
			remove: func(w *world) { w.sim.DeleteToken(w.ci) },
		},
		"an Organization token by id, whose name another took": {
			binding: func(w *world) *builders.BindingBuilder {
				return builders.Binding("b").ForTokenID(w.ci).OnDeployment(w.etl)
			},
			remove: func(w *world) {
				w.sim.DeleteToken(w.ci)
				w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER", astrosim.Roles(astrosim.DeploymentRole(w.etl, "DEPLOYMENT_ADMIN")))
			},
		},
		"the home Workspace of a Workspace token": {
			binding: func(w *world) *builders.BindingBuilder {
				return builders.Binding("b").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.etl)
			},
			remove: func(w *world) { w.sim.DeleteWorkspace(w.data) },
		},
		"a Workspace by name": {
			binding: func(*world) *builders.BindingBuilder {
				return builders.Binding("b").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER")
			},
			remove: func(w *world) { w.sim.DeleteWorkspace(w.data) },
		},
		"a Deployment by name, with its Workspace": {
			binding: func(w *world) *builders.BindingBuilder {
				return builders.Binding("b").ForToken("ci").OnDeploymentNamed(w.data, "etl")
			},
			remove: func(w *world) { w.sim.DeleteWorkspace(w.data) },
		},
		"a Deployment by id": {
			binding: func(w *world) *builders.BindingBuilder {
				return builders.Binding("b").ForToken("ci").OnDeployment(w.etl)
			},
			remove: func(w *world) { w.sim.DeleteDeployment(w.etl) },
		},
	}
	// Astro takes roles on what is gone from the tokens, or it keeps them and takes no set that names them.
	for _, dead := range []astrosim.Choice{astrosim.Strip, astrosim.Keep} {
		for name, tc := range deletions {
			It("goes with all that is left of its role: "+name+", roles "+string(dead), func(ctx context.Context) {
				w := newWorld(ctx)
				w.decide("workspace-deletion", dead)
				w.decide("deployment-deletion", dead)
				w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only")
				w.bind(tc.binding(w))
				w.expect("True/Granted", "b")
				tc.remove(w)
				foreign := w.everyRole()
				delete(foreign, w.ci)
				left := w.raws(w.ci, w.entryOf("b"))
				w.delete("b")
				w.expect(gone, "b")
				Expect(w.raws(w.ci, "")).To(Equal(left))
				for token, roles := range foreign {
					Expect(w.roles(token)).To(Equal(roles))
				}
			})
		}
	}

	It("goes after a restart too, as its status knows in whose Workspace the Deployment was", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.decide("deployment-deletion", astrosim.Keep)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "Deploy Only")
		w.start()
		names := w.connectCluster(map[string][]v1alpha1.AllowRule{"narrow": {w.rule(func(r *v1alpha1.AllowRule) {
			r.Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"c"}}}
			r.Roles = []string{"DEPLOYMENT_ADMIN", "Deploy Only"}
		})}})
		w.bind(builders.Binding("adopted").ThroughCluster(names["narrow"]).ForToken("ci").OnDeploymentNamed(w.data, "etl"))
		w.expect("True/Adopted", "adopted") // the rules are asked once more when such a role is revoked
		w.sim.DeleteDeployment(w.etl)
		w.restart()
		w.delete("adopted")
		w.expect(gone, "adopted")
		Expect(w.roles(w.ci)).To(HaveLen(1))
	})

	It("says which other dead role keeps Astro from taking the change, and goes once that one does", func(ctx context.Context) {
		w := newWorld(ctx)
		w.decide("deployment-deletion", astrosim.Keep)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only")
		w.bind(
			builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("dead").ForToken("ci").OnDeployment(w.etl),
		)
		w.expect("True/Granted", "b", "dead")
		w.sim.DeleteDeployment(w.etl)
		w.sim.DeleteDeployment(w.models)
		w.delete("b", "dead")
		w.stuck("False/RefusedByAstro", "b", w.models)
		w.stuck("False/RefusedByAstro", "dead", w.models)
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.models)
		w.sweep()
		w.expect(gone, "b", "dead")
		Expect(w.roles(w.ci)).To(HaveLen(1))
	})
})

// entryOf is the id of the target that a binding is pinned to.
func (w *world) entryOf(name string) string {
	GinkgoHelper()
	return w.binding(name).Status.Target.ID
}

var _ = Describe("Bindings that are deleted while their Organization is out of reach", func() {
	access := map[string]struct {
		state      string // of the bindings, where the operator was there before
		lose, back func(w *world)
	}{
		"the credential was revoked": {
			state: "Unknown/(CredentialRejected|ConnectionNotReady)",
			lose:  func(w *world) { w.sim.RevokeCredential(w.operator) },
			back:  func(w *world) { w.sim.RestoreCredential(w.operator) },
		},
		"Astro forbids everything": {
			state: "False/PermissionDenied",
			lose:  func(w *world) { w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden}) },
			back:  func(w *world) { w.sim.ClearFaults() },
		},
		"Astro knows nothing of it any more": {
			state: "Unknown/ListIncomplete",
			lose:  func(w *world) { w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound}) },
			back:  func(w *world) { w.sim.ClearFaults() },
		},
		"Astro does not answer": {
			state: "Unknown/Unreachable",
			lose: func(w *world) {
				w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: http.StatusServiceUnavailable})
			},
			back: func(w *world) { w.sim.ClearFaults() },
		},
	}
	for name, tc := range access {
		for _, restarted := range []bool{false, true} {
			when := map[bool]string{false: "", true: ", and the operator restarted"}[restarted]
			It("stay, say so and how to go, and go once it is back: "+name+when, func(ctx context.Context) {
				w := newWorld(ctx)
				granted := w.family()
				tc.lose(w)
				if restarted {
					w.stop()
					w.start()
				}
				w.delete("loser")
				w.expect(gone, "loser") // it holds nothing
				w.delete(granted...)
				state := tc.state
				if restarted {
					state = "Unknown/ConnectionNotReady"
				}
				for _, b := range granted {
					w.stuck(state, b)
				}
				w.sweepAttempt() // however often one looks, nothing is proven
				w.sweepAttempt()
				Expect(w.familyRoles()).To(Equal(familyGranted))
				w.release("created")
				w.expect(gone, "created")
				tc.back(w)
				w.sweepAttempt()
				w.expect(gone, granted...)
				Expect(w.familyRoles()).To(Equal([]string{"WORKSPACE_MEMBER", "", "", "Deploy Only"}), "what was released stays")
			})
		}
	}
})
