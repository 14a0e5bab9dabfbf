package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// overlay is what a user would write whose image is elsewhere, whose Astro has another host and whose proxy has an
// authority of its own.
const overlay = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: scopedtoken-system
resources:
- ../../../config/default
images:
- {name: scopedtoken-operator, newName: REPOSITORY, newTag: TAG}
configMapGenerator:
- name: ca-bundle
  files: [ca.crt]
patches:
- target: {kind: Deployment}
  patch: |
    - {op: add, path: /spec/template/spec/containers/0/args/-, value: --allowed-api-hosts=HOST}
    - {op: add, path: /spec/template/spec/containers/0/args/-, value: --secret-namespaces=data-platform}
    - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: SSL_CERT_DIR, value: /etc/scopedtoken/ca}}
    - {op: add, path: /spec/template/spec/containers/0/volumeMounts, value: [{name: ca, mountPath: /etc/scopedtoken/ca, readOnly: true}]}
    - {op: add, path: /spec/template/spec/volumes, value: [{name: ca, configMap: {name: ca-bundle}}]}
`

var _ = Describe("An operator that kustomize installs", Ordered, func() {
	var (
		w      *world
		before []string
		folder string
	)

	BeforeAll(func(ctx context.Context) {
		w = newWorld(ctx)
		w.loadImages(ctx)
		before = w.objects(ctx)
		folder = w.writeOverlay()
	})
	AfterEach(func(ctx context.Context) {
		if CurrentSpecReport().Failed() && w != nil && w.kube != nil {
			w.evidence(ctx)
		}
	})

	It("makes the samples Ready", func(ctx context.Context) {
		w.kubectl(ctx, "create", "namespace", team)
		w.kubectl(ctx, "apply", "-n", team, "-k", filepath.Join(w.root, "config", "tenant"))
		w.kubectl(ctx, "apply", "--server-side", "-k", folder)
		w.kubectl(ctx, "-n", system, "rollout", "status", "deployment/scopedtoken-controller-manager", "--timeout=3m")
		w.seal(ctx)
		for _, object := range w.samples() {
			w.apply(ctx, object)
		}
		w.settled(ctx)
		w.works(ctx, "by-kustomize")
		w.checkLogs(ctx)
	})

	It("revokes what it granted before it goes, and leaves nothing", func(ctx context.Context) {
		w.kubectl(ctx, "-n", team, "delete", "stb,tinv", "--all", "--timeout=1m")
		Expect(w.astro.holds()).To(HaveEach(BeEmpty()))
		w.kubectl(ctx, "delete", "astroconnections", "--all", "--all-namespaces", "--timeout=1m")
		w.kubectl(ctx, "delete", "clusterastroconnections", "--all", "--timeout=1m")
		w.kubectl(ctx, "delete", "namespace", team, "--timeout=2m")
		w.kubectl(ctx, "delete", "-k", folder, "--timeout=2m")
		Eventually(func() []string { return without(w.objects(ctx), before) }).Should(BeEmpty())
	})
})

// writeOverlay writes the overlay into a folder of the repository that Git does not see: kustomize takes no path from the
// root of a machine.
func (w *world) writeOverlay() string {
	GinkgoHelper()
	folder := filepath.Join(w.root, "bin", "e2e", "overlay")
	Expect(os.MkdirAll(folder, 0o750)).To(Succeed())
	text := strings.NewReplacer("REPOSITORY", w.repository, "TAG", w.current.tag, "HOST", w.astro.host).Replace(overlay)
	Expect(os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o600)).To(Succeed())
	Expect(os.WriteFile(filepath.Join(folder, "ca.crt"), []byte(w.astro.authority), 0o600)).To(Succeed())
	return folder
}
