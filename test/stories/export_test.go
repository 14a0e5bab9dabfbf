package stories

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/stb"
)

var _ = Describe("Taking over what was given by hand", func() {
	It("exports 300 roles, looks at them and enforces them, without a write to Astro", func(ctx context.Context) {
		w := newWorld(ctx)
		w.giveByHand(30, 10)
		w.sweep()
		before := w.everyRole()

		bindings, told := w.stb("export")
		Expect(told).To(ContainSubstring("300 binding(s) for 1 namespace(s)."))
		w.kubectl(w.marked(bindings), "apply", "-f", "-")
		w.everyBinding(300, "True/InSync")
		again, _ := w.stb("export")
		Expect(again).To(Equal(bindings), "what only looks is exported as before")

		enforced := strings.ReplaceAll(bindings, "\n  mode: Observe\n", "\n  mode: Enforce\n")
		w.kubectl(w.marked(enforced), "apply", "-f", "-")
		w.everyBinding(300, "True/Adopted")
		_, told = w.stb("list", "--undeclared")
		Expect(told).To(ContainSubstring("No roles found."))
		_, told = w.stb("export")
		Expect(told).To(ContainSubstring("0 binding(s) for 0 namespace(s).\nLeft out: 300 roles that a binding holds already"))

		w.waitIdle()
		Expect(w.everyRole()).To(Equal(before))
		Expect(w.total().Writes).To(BeZero())
	})
})

var _ = Describe("Taking over through a connection in mode Observe", func() {
	It("exports 60 roles, looks at them and enforces them with one switch, without a write to Astro", func(ctx context.Context) {
		w := newWorld(ctx)
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		w.mode(v1alpha1.ModeObserve)
		w.giveByHand(6, 10)
		w.sweep()
		before := w.everyRole()

		bindings, told := w.stb("export", "--mode", "Enforce")
		Expect(told).To(ContainSubstring("60 binding(s) for 1 namespace(s)."))
		w.kubectl(w.marked(bindings), "apply", "-f", "-")
		w.everyBinding(60, "True/InSync")
		_, told = w.stb("export")
		Expect(told).To(ContainSubstring("0 binding(s) for 0 namespace(s).\nLeft out: 60 roles that a binding is to enforce and does not hold yet"))

		w.mode(v1alpha1.ModeEnforce)
		w.everyBinding(60, "True/Adopted")
		_, told = w.stb("list", "--undeclared")
		Expect(told).To(ContainSubstring("No roles found."))
		w.mode(v1alpha1.ModeObserve)
		w.everyBinding(60, "True/Adopted")
		w.waitIdle()
		Expect(w.everyRole()).To(Equal(before))
		Expect(w.total().Writes).To(BeZero())
	})
})

// giveByHand gives so many tokens a role on so many Deployments each.
func (w *world) giveByHand(tokens, deployments int) {
	roles := make([]astrosim.Role, 0, deployments)
	for i := range deployments {
		roles = append(roles, astrosim.DeploymentRole(w.sim.AddDeployment(w.data, fmt.Sprintf("flow %d", i)), "DEPLOYMENT_ADMIN"))
	}
	for i := range tokens {
		w.sim.AddOrganizationToken(w.org, fmt.Sprintf("made by hand: %d", i), "ORGANIZATION_MEMBER", astrosim.Roles(roles...))
	}
}

// stb runs the plugin as an administrator in the world's namespace and returns what it prints, and what it tells besides.
func (w *world) stb(args ...string) (out, told string) {
	GinkgoHelper()
	var stdout, stderr bytes.Buffer
	code := stb.Run(w.ctx, "devel", append(args, "--kubeconfig", w.kubeconfig(), "-n", w.namespace, "--connection", "AstroConnection/acme",
		"--allowed-api-hosts", strings.TrimPrefix(w.sim.URL(), "http://")), genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &stdout, ErrOut: &stderr})
	Expect(code).To(BeZero(), stderr.String())
	return stdout.String(), stderr.String()
}

// marked are manifests that this world's operator sees.
func (w *world) marked(manifests string) string {
	return strings.ReplaceAll(manifests, "metadata:\n", fmt.Sprintf("metadata:\n  labels: {%s: %s}\n", storyLabel, w.namespace))
}

// everyBinding waits until so many bindings have this readiness, and no other has another.
func (w *world) everyBinding(n int, want string) {
	GinkgoHelper()
	Eventually(func() (map[string]int, error) {
		var list v1alpha1.ScopedTokenBindingList
		err := w.kube.List(w.ctx, &list, client.InNamespace(w.namespace))
		now := map[string]int{}
		for i := range list.Items {
			now[readiness(list.Items[i].Status.Conditions)]++
		}
		return now, err
	}).Should(Equal(map[string]int{want: n}))
}
