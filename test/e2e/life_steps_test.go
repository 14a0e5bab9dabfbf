package e2e

import (
	"context"
	"maps"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// crash does something to the leader after which another leads, without a write in Astro or a gap in Ready.
func (w *world) crash(ctx context.Context, how func(leader client.Object)) {
	GinkgoHelper()
	w.whole(ctx)
	w.checkLogs(ctx)
	end := w.vigil(ctx)
	w.astro.ResetAudit()
	led, leader := w.holder(ctx), w.leader(ctx)
	how(&leader)
	w.succeeded(ctx, led)
	w.sweeps(ctx, 1)
	Expect(w.astro.Audit()).To(BeEmpty())
	end()
}

// sweeps waits until Astro's tokens were listed so many times.
func (w *world) sweeps(ctx context.Context, n int) {
	GinkgoHelper()
	lists := func() int { return w.astro.Counts().ByEndpoint["tokens.list"] }
	Eventually(lists).WithContext(ctx).Should(BeNumerically(">=", lists()+n))
}

// connected is what both connections say.
func (w *world) connected(ctx context.Context) string {
	GinkgoHelper()
	var own v1alpha1.AstroConnection
	Expect(w.kube.Get(ctx, key(team, "acme"), &own)).To(Succeed())
	var cluster v1alpha1.ClusterAstroConnection
	Expect(w.kube.Get(ctx, key("", "acme"), &cluster)).To(Succeed())
	one, other := describe(own.Status.Conditions), describe(cluster.Status.Conditions)
	if strings.Fields(one)[0] != strings.Fields(other)[0] {
		return "undecided: " + one + ", " + other
	}
	return one
}

// checkShares gives a developer the cluster's view, edit and admin one after the other.
func (w *world) checkShares(ctx context.Context) {
	GinkgoHelper()
	_, user := w.account(ctx, "developer")
	group := v1alpha1.GroupVersion.Group
	can := func() map[string]bool {
		return map[string]bool{
			"see bindings":      w.may(ctx, user, "list", group, "scopedtokenbindings", team),
			"write bindings":    w.may(ctx, user, "create", group, "scopedtokenbindings", team),
			"write connections": w.may(ctx, user, "create", group, "astroconnections", team),
			"write status":      w.may(ctx, user, "patch", group, "scopedtokenbindings/status", team),
			"see others":        w.may(ctx, user, "list", group, "scopedtokenbindings", system),
			"see the cluster's": w.may(ctx, user, "list", group, "clusterastroconnections", ""),
		}
	}
	none := map[string]bool{
		"see bindings": false, "write bindings": false, "write connections": false, "write status": false, "see others": false, "see the cluster's": false,
	}
	Expect(can()).To(Equal(none))
	for role, gains := range map[string][]string{
		"view": {"see bindings"}, "edit": {"see bindings", "write bindings"}, "admin": {"see bindings", "write bindings", "write connections"},
	} {
		want := maps.Clone(none)
		for _, what := range gains {
			want[what] = true
		}
		w.allowIn(ctx, "developer", role)
		Eventually(can).Should(Equal(want), role)
		w.disallowIn(ctx, "developer")
	}
}

// evidence is what helps to find out why a step failed.
func (w *world) evidence(ctx context.Context) {
	for _, args := range [][]string{
		{"get", "pods,deployments,replicasets,leases,events", "-n", system, "-o", "wide"},
		{"describe", "pods", "-n", system},
		{"logs", "-n", system, "-l", "control-plane=controller-manager", "--tail=60", "--prefix"},
		{"get", "stb,astroconn,castroconn,tinv", "-A", "-o", "yaml"},
	} {
		out, err := try(ctx, w.settings.kubectl, append([]string{"--kubeconfig", w.kubeconfig}, args...)...)
		GinkgoWriter.Println(out, err)
	}
}
