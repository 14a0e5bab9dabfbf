package e2e

import (
	"context"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

var _ = Describe("An operator on a cluster", Ordered, func() {
	var (
		w      *world
		before []string // every object of the cluster before the operator came
	)

	BeforeAll(func(ctx context.Context) {
		w = newWorld(ctx)
		w.loadImages(ctx)
		w.namespaces(ctx)
		w.seal(ctx)
		Eventually(func(g Gomega) { // what Kubernetes itself puts into a namespace
			for _, namespace := range []string{system, team} {
				g.Expect(w.kube.Get(ctx, key(namespace, "default"), &corev1.ServiceAccount{})).To(Succeed())
			}
		}).Should(Succeed())
		before = w.objects(ctx)
	})
	AfterEach(func(ctx context.Context) {
		if CurrentSpecReport().Failed() && w != nil && w.kube != nil {
			w.evidence(ctx)
		}
	})

	It("is installed with Helm, in a namespace where only Pods may run that ask for nothing", func(ctx context.Context) {
		w.helmInstall(ctx, w.previous)
		w.whole(ctx)
		w.kindsAreOf(ctx, w.previous)
		w.leader(ctx)
	})

	It("makes the samples Ready", func(ctx context.Context) {
		for _, object := range w.samples() {
			w.apply(ctx, object)
		}
		w.settled(ctx)
		Eventually(func(g Gomega) {
			var inventory v1alpha1.TargetInventory
			g.Expect(w.kube.Get(ctx, key(team, "prod-etl"), &inventory)).To(Succeed())
			g.Expect(describe(inventory.Status.Conditions)).To(HavePrefix("True"))
			g.Expect(inventory.Status.Tokens).To(HaveLen(3))
		}).Should(Succeed())
	})

	It("is upgraded without a write in Astro or a moment in which a binding is not Ready", func(ctx context.Context) {
		end := w.vigil(ctx)
		w.astro.ResetAudit()
		w.checkLogs(ctx)
		led := w.holder(ctx)
		w.helmInstall(ctx, w.current)
		w.whole(ctx)
		w.succeeded(ctx, led)
		w.sweeps(ctx, 2)
		Expect(w.astro.Audit()).To(BeEmpty())
		end()
		w.kindsAreOf(ctx, w.current)
		w.works(ctx, "after-the-upgrade")
	})

	It("runs with nothing that it does not need", func(ctx context.Context) {
		for _, pod := range w.pods(ctx) {
			pid := process(pod)
			if pid == 0 {
				AddReportEntry("the processes of the node cannot be seen from here")
				continue
			}
			is := facts(pid)
			Expect(is["Uid"]).To(Equal("65532 65532 65532 65532"))
			Expect(is["Gid"]).To(Equal("65532 65532 65532 65532"))
			Expect(is["CapEff"]).To(Equal(strings.Repeat("0", 16)))
			Expect(is["CapBnd"]).To(Equal(strings.Repeat("0", 16)))
			Expect(is["NoNewPrivs"]).To(Equal("1"))
			Expect(is["Seccomp"]).To(Equal("2"), "system calls are filtered")
			Expect(rootOptions(pid)).To(ContainElement("ro"))
		}
	})

	It("shows its metrics to whom the API server lets see them, and how it is to everybody", func(ctx context.Context) {
		reader, _ := w.account(ctx, "prometheus")
		stranger, _ := w.account(ctx, "stranger")
		w.allow(ctx, "prometheus", helming+"-metrics-reader")
		leader := w.leader(ctx)
		metrics := question{pod: leader, scheme: "https", port: "8443", path: "/metrics"}
		for token, want := range map[string]int{"": http.StatusUnauthorized, stranger: http.StatusForbidden} {
			metrics.bearer = token
			response, _ := w.ask(ctx, metrics)
			Expect(response.StatusCode).To(Equal(want))
		}
		metrics.bearer = reader
		Eventually(func(g Gomega) { // the API server's own cache of roles may not know of the reader at once
			response, body := w.ask(ctx, metrics)
			g.Expect(response.StatusCode).To(Equal(http.StatusOK))
			g.Expect(response.ProtoMajor).To(Equal(1), "HTTP/2 is on")
			g.Expect(body).To(ContainSubstring(`scopedtoken_connection_ready{kind="ClusterAstroConnection",name="acme",namespace=""} 1`))
		}).Should(Succeed())
		for _, path := range []string{"/healthz", "/readyz"} {
			response, _ := w.ask(ctx, question{pod: leader, scheme: "http", port: "8081", path: path})
			Expect(response.StatusCode).To(Equal(http.StatusOK), path)
		}
	})

	It("has the rights that it needs, and lets the cluster's own roles have their share", func(ctx context.Context) {
		own := "system:serviceaccount:" + system + ":" + helming + "-controller-manager"
		for namespace, want := range map[string]bool{system: true, team: true, "kube-system": false, "": false} {
			Expect(w.may(ctx, own, "list", "", "secrets", namespace)).To(Equal(want), "list Secrets in %q", namespace)
		}
		Expect(w.may(ctx, own, "create", "", "pods", system)).To(BeFalse())
		w.checkShares(ctx)
		w.checkLogs(ctx)
	})

	It("goes on when its leader is deleted at once", func(ctx context.Context) {
		w.crash(ctx, func(leader client.Object) {
			Expect(w.kube.Delete(ctx, leader, client.GracePeriodSeconds(0))).To(Succeed())
		})
		w.works(ctx, "after-the-deletion")
	})

	It("goes on when its leader's program is killed", func(ctx context.Context) {
		w.crash(ctx, func(leader client.Object) {
			pod := w.leader(ctx)
			if pid := process(pod); pid != 0 {
				Expect(syscall.Kill(pid, syscall.SIGKILL)).To(Succeed())
				return
			}
			Expect(w.kube.Delete(ctx, leader, client.GracePeriodSeconds(0))).To(Succeed())
		})
		w.works(ctx, "after-the-crash")
	})

	It("is started again by its probe when its program hangs", func(ctx context.Context) {
		leader := w.leader(ctx)
		pid := process(leader)
		if pid == 0 {
			AddReportEntry("the processes of the node cannot be seen from here")
			return
		}
		w.crash(ctx, func(client.Object) { Expect(syscall.Kill(pid, syscall.SIGSTOP)).To(Succeed()) })
		Eventually(func(g Gomega) {
			pod := leader.DeepCopy()
			g.Expect(w.kube.Get(ctx, client.ObjectKeyFromObject(&leader), pod)).To(Succeed())
			g.Expect(pod.Status.ContainerStatuses[0].RestartCount).To(BeNumerically(">", leader.Status.ContainerStatuses[0].RestartCount))
		}, 3*time.Minute).Should(Succeed())
		w.whole(ctx)
	})

	It("is evicted one at a time, as its PodDisruptionBudget says", func(ctx context.Context) {
		w.whole(ctx)
		end := w.vigil(ctx)
		w.astro.ResetAudit()
		led, leader, both := w.holder(ctx), w.leader(ctx), w.pods(ctx)
		Eventually(func() error { return w.evict(ctx, leader) }).Should(Succeed())
		for _, pod := range both {
			if pod.Name != leader.Name {
				err := w.evict(ctx, pod)
				if err == nil { // then the one that takes the leader's place has got ready meanwhile
					Expect(slices.ContainsFunc(w.pods(ctx), func(p corev1.Pod) bool { return p.Name != pod.Name && ready(p) })).To(
						BeTrue(), "the last one was evicted too")
					continue
				}
				Expect(apierrors.IsTooManyRequests(err)).To(BeTrue(), "%v", err)
			}
		}
		w.succeeded(ctx, led)
		w.whole(ctx)
		Expect(w.astro.Audit()).To(BeEmpty())
		end()
		w.works(ctx, "after-the-eviction")
	})

	It("takes a rotated credential, while its bindings stay Ready", func(ctx context.Context) {
		end := w.vigil(ctx)
		w.astro.RotateToken(w.astro.ids[operatorToken])
		Eventually(func() string { return w.connected(ctx) }).Should(HavePrefix("False"), "the old one is refused")
		w.seal(ctx)
		Eventually(func() string { return w.connected(ctx) }).Should(HavePrefix("True"))
		end()
		w.works(ctx, "after-the-rotation")
		w.checkLogs(ctx)
	})

	It("leaves nothing when it is uninstalled but what is not its own", func(ctx context.Context) {
		w.checkLogs(ctx)
		entries := func() string {
			return w.kubectl(ctx, "-n", system, "get", "configmaps", "--selector=astro.scopedtoken.dev/journal", "--output=jsonpath={.items[*].data}")
		}
		// It is cleared a moment after the last write, and Helm may take away the rights to do so before the process has ended.
		Eventually(entries).Should(BeEmpty(), "nothing is left to write")
		run(ctx, w.helm, "uninstall", helming, "--namespace", system, "--wait", "--kubeconfig", w.kubeconfig)
		Eventually(func() []string { return withoutJournal(without(w.objects(ctx), before)) }).Should(ConsistOf(
			"CustomResourceDefinition astroconnections.astro.scopedtoken.dev", "CustomResourceDefinition clusterastroconnections.astro.scopedtoken.dev",
			"CustomResourceDefinition scopedtokenbindings.astro.scopedtoken.dev", "CustomResourceDefinition targetinventories.astro.scopedtoken.dev",
			"AstroConnection data-platform/acme", "ClusterAstroConnection acme", "TargetInventory data-platform/prod-etl",
			"ScopedTokenBinding data-platform/airflow-metrics-on-prod-etl", "ScopedTokenBinding data-platform/ci-deployer-on-data",
			"ScopedTokenBinding data-platform/ci-deployer-on-prod-etl",
			"APIService v1alpha1.astro.scopedtoken.dev", // of Kubernetes' own making, for the kinds
			"Lease "+system+"/"+lease,                   // made by the operator, not by Helm
			// Made by this test.
			"ServiceAccount data-platform/prometheus", "ServiceAccount data-platform/stranger", "ServiceAccount data-platform/developer",
		))
		Expect(entries()).To(BeEmpty(), "the journal is empty once the operator has ended in order")
		Expect(w.bindings(ctx)).To(HaveLen(3))
		Expect(w.astro.holds()).To(Equal(declared()), "uninstalling revokes nothing")
	})

	It("revokes what was deleted in the meantime when it is installed again, but for what was released by hand", func(ctx context.Context) {
		w.kubectl(ctx, "-n", team, "delete", "stb", "--all", "--wait=false")
		w.kubectl(ctx, "-n", team, "patch", "stb", "ci-deployer-on-data", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
		w.helmInstall(ctx, w.current)
		Eventually(func() map[string]string { return w.bindings(ctx) }).Should(BeEmpty())
		Expect(w.astro.holds()).To(Equal(map[string]string{
			"ci-deployer-on-data": "WORKSPACE_MEMBER", "ci-deployer-on-prod-etl": "", "airflow-metrics-on-prod-etl": "",
		}))
		w.checkLogs(ctx)
	})

	It("leaves nothing at all when all of it is taken away", func(ctx context.Context) {
		w.kubectl(ctx, "delete", "astroconnections,targetinventories", "--all", "--all-namespaces")
		w.kubectl(ctx, "delete", "clusterastroconnections", "--all")
		run(ctx, w.helm, "uninstall", helming, "--namespace", system, "--wait", "--kubeconfig", w.kubeconfig)
		w.kubectl(ctx, append([]string{"delete", "crd"}, slices.Collect(maps.Keys(w.crds(ctx)))...)...)
		w.kubectl(ctx, "delete", "namespace", system, team, "--timeout=2m")
		Eventually(func() []string { return without(w.objects(ctx), before) }).Should(BeEmpty())
	})
})

// rootOptions are the options with which the root of a process is mounted.
func rootOptions(pid int) []string {
	GinkgoHelper()
	text, err := os.ReadFile(proc(pid, "mountinfo"))
	Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 5 && fields[4] == "/" {
			return strings.Split(fields[5], ",")
		}
	}
	return nil
}
