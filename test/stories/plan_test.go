package stories

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
	"github.com/scopedtoken/scopedtoken-operator/internal/stb"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// planned is what a plan says, as -o json prints it.
type planned struct {
	Changes  []plan.Change `json:"changes"`
	Bindings []plan.Item   `json:"bindings"`
}

var _ = Describe("A plan of manifests", func() {
	It("says what the operator does once they are applied, and then that nothing changes", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(
			builders.Binding("edited").ForTokenID(w.ci).OnDeployment(w.etl).WithRole("Deploy Only"),
			builders.Binding("deleted").ForTokenID(w.ci).OnDeployment(w.models),
			builders.Binding("kept").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("observed").ForToken("ci").OnDeployment(w.reports).WithRole("Deploy Only"))
		w.expect("True/Granted", "edited", "deleted", "kept", "observed")
		w.sim.GrantRole(w.wsCI, astrosim.TypeDeployment, w.etl, "DEPLOYMENT_ADMIN") // by hand
		w.sim.GrantRole(w.wsCI, astrosim.TypeDeployment, w.reports, "Deploy Only")
		w.sweep()

		manifests := w.manifests(
			builders.Binding("edited").ForTokenID(w.ci).OnDeployment(w.etl).WithRole("DEPLOYMENT_ADMIN"),
			builders.Binding("kept").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("observed").ForToken("ci").OnDeployment(w.reports).WithRole("Deploy Only").Observe(),
			builders.Binding("new").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_OWNER"),
			builders.Binding("adopted").ForWorkspaceToken(w.data, "ws-ci").OnDeploymentNamed(w.data, "etl").WithRole("DEPLOYMENT_ADMIN"),
			builders.Binding("never").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.reports).WithRole("DEPLOYMENT_ADMIN").Adopt(v1alpha1.AdoptNever),
			builders.Binding("rival").ForTokenID(w.ci).OnDeployment(w.etl).WithRole("Deploy Only"),
			builders.Binding("typo").ForToken("ic").OnDeployment(w.etl),
			builders.Binding("no-role").ForTokenID(w.wsCI).OnDeployment(w.models).WithRole("Deploy only"))
		p := w.planOf(2, manifests, "--prune")
		Expect(p.actions()).To(Equal(map[string]plan.Action{
			"edited": plan.Alter, "deleted": plan.Revoke, "kept": plan.Nothing, "observed": plan.Release, "new": plan.Grant, "adopted": plan.Adopt,
			"never": plan.Blocked, "rival": plan.Blocked, "typo": plan.Blocked, "no-role": plan.Blocked,
		}))

		written := len(w.sim.Audit())
		w.kubectl(w.marked(manifests), "apply", "-f", "-")
		w.kubectl("", "delete", "stb", "deleted", "-n", w.namespace, "--wait=false")
		for _, item := range p.Bindings {
			want := gone
			if item.Operation != plan.Delete {
				want = fmt.Sprintf("%s/%s", item.Then.Status, item.Then.Reason)
			}
			w.expect(want, item.Name)
		}
		w.waitIdle()
		Expect(w.changesSince(written)).To(ConsistOf(p.changes()), "what Astro was asked for is what was planned")

		Expect(w.planOf(0, manifests, "--prune").Changes).To(BeEmpty())
	})

	It("knows that a claim stands back whose credential owns nothing there", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER") // by which the other credential sees the token
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_MEMBER")
		token := w.sim.AddOrganizationToken(w.org, "partial", "ORGANIZATION_MEMBER")
		w.sim.GrantRole(token, astrosim.TypeWorkspace, w.data, "WORKSPACE_OPERATOR")
		w.sim.GrantRole(token, astrosim.TypeWorkspace, w.science, "WORKSPACE_OWNER")
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "Deploy Only")
		w.connectAs(w.other, token)
		w.sweep()
		w.bind(
			builders.Binding("own").In(w.other).ForTokenID(w.ci).OnDeployment(w.models),
			builders.Binding("etl").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl).WithRole("Deploy Only"))
		w.expect("True/Granted", w.other+"/own")
		w.expect("True/Adopted", w.other+"/etl")
		w.waitIdle()

		p := w.planOf(2, w.manifests(builders.Binding("b").ForTokenID(w.ci).OnDeployment(w.etl)))
		written := len(w.sim.Audit())
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Adopted", "b")
		w.expect("False/PermissionDenied", w.other+"/etl")
		w.waitIdle()
		Expect(p.changes()).To(ConsistOf(w.changesSince(written)), "what Astro was asked for is what was planned")
	})

	It("knows that a claim keeps the role of one that goes where its credential owns the Organization", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connectAs(w.other, w.sim.AddOrganizationToken(w.org, "second", "ORGANIZATION_OWNER"))
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.MaxRevocationsPerSweep = 1 })
		kept := builders.Binding("kept").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER")
		w.bind(kept, builders.Binding("a").ForTokenID(w.ci).OnDeployment(w.etl), builders.Binding("c").ForTokenID(w.ci).OnDeployment(w.reports))
		w.expect("True/Granted", "a", "c", "kept")
		w.bind(builders.Binding("heir").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Granted", w.other+"/heir")
		w.waitIdle()

		p := w.planOf(2, w.manifests(kept), "--prune")
		Expect(p.actions()).To(And(HaveKeyWithValue("a", plan.Release), HaveKeyWithValue("c", plan.Revoke)), "the one revocation of a sweep is left for c")
		written := len(w.sim.Audit())
		w.delete("a", "c")
		w.expect(gone, "a", "c")
		w.waitIdle()
		Expect(w.changesSince(written)).To(ConsistOf(p.changes()), "what Astro was asked for is what was planned")
	})
})

// manifests are bindings of the world's namespace as YAML.
func (w *world) manifests(bindings ...*builders.BindingBuilder) string {
	GinkgoHelper()
	var all strings.Builder
	for _, b := range bindings {
		o := b.In(w.namespace).Object()
		spec, err := json.Marshal(o.Spec)
		Expect(err).NotTo(HaveOccurred())
		fmt.Fprintf(&all, "---\napiVersion: %s\nkind: ScopedTokenBinding\nmetadata:\n  name: %s\n  namespace: %s\nspec: %s\n",
			v1alpha1.GroupVersion, o.Name, o.Namespace, spec)
	}
	return all.String()
}

// planOf plans the manifests, which has to end with the code.
func (w *world) planOf(code int, manifests string, args ...string) (p planned) {
	GinkgoHelper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"plan", "-f", "-", "-o", "json", "--kubeconfig", w.kubeconfig(), "-n", w.namespace,
		"--allowed-api-hosts", strings.TrimPrefix(w.sim.URL(), "http://")}, args...)
	got := stb.Run(w.ctx, "devel", args, genericiooptions.IOStreams{In: strings.NewReader(manifests), Out: &stdout, ErrOut: &stderr})
	Expect(got).To(Equal(code), stdout.String()+stderr.String())
	Expect(json.Unmarshal(stdout.Bytes(), &p)).To(Succeed())
	return p
}

func (p planned) actions() map[string]plan.Action {
	all := map[string]plan.Action{}
	for _, item := range p.Bindings {
		all[item.Name] = item.Action
	}
	return all
}

func (p planned) changes() (all []roleChange) {
	for _, c := range p.Changes {
		all = append(all, roleChange{c.Token.ID, strings.ToUpper(c.Target.Kind), c.Target.ID, fold(c.From), fold(c.To)})
	}
	return all
}

// changesSince are the changes of roles that Astro was asked for since it had written so many sets.
func (w *world) changesSince(n int) (all []roleChange) {
	for _, write := range w.sim.Audit()[n:] {
		all = append(all, changesOf(write)...)
	}
	return all
}
