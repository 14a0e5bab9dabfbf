package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const (
	system  = "scopedtoken-system" // the operator's namespace
	team    = "data-platform"      // the samples'
	helming = "scopedtoken"        // the release's name
	lease   = "manager.astro.scopedtoken.dev"
)

// world is the cluster, Astro, and the two versions of the operator.
type world struct {
	settings

	config *rest.Config
	kube   client.WithWatch
	astro  *astro
	values string // file with the values of the release
	logs   map[string]string
}

// newWorld finds the cluster, which has to be without the operator so that nobody's installation is taken away.
func newWorld(ctx context.Context) *world {
	GinkgoHelper()
	w := &world{settings: readSettings(), logs: map[string]string{}}
	var err error
	w.config, err = clientcmd.BuildConfigFromFlags("", w.kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	w.config.QPS = -1
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(apiextensionsv1.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	w.kube, err = client.NewWithWatch(w.config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	Expect(w.crds(ctx)).To(BeEmpty(), "the cluster has the operator's kinds already: this is for a cluster without")
	w.astro = serveAstro(ctx, w.kube, w.root)
	w.values = w.writeValues()
	return w
}

// crds are the operator's kinds that the cluster has, with the version of the chart that they came with.
func (w *world) crds(ctx context.Context) map[string]string {
	GinkgoHelper()
	var all apiextensionsv1.CustomResourceDefinitionList
	Expect(w.kube.List(ctx, &all)).To(Succeed())
	versions := map[string]string{}
	for _, crd := range all.Items {
		if crd.Spec.Group == v1alpha1.GroupVersion.Group {
			versions[crd.Name] = crd.Labels["app.kubernetes.io/version"]
		}
	}
	return versions
}

// kindsAreOf checks that the kinds are those of a release.
func (w *world) kindsAreOf(ctx context.Context, r release) {
	GinkgoHelper()
	versions := w.crds(ctx)
	Expect(versions).To(HaveLen(4))
	Expect(versions).To(HaveEach(r.tag))
}

// writeValues writes what this installation differs in from the chart's own values.
func (w *world) writeValues() string {
	GinkgoHelper()
	text, err := yaml.Marshal(map[string]any{
		"replicaCount":        2,
		"image":               map[string]any{"repository": w.repository},
		"allowedApiHosts":     []string{w.astro.host},
		"secretNamespaces":    []string{team},
		"podDisruptionBudget": map[string]any{"enabled": true},
		"caBundle":            w.astro.authority,
	})
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(GinkgoT().TempDir(), "values.yaml")
	Expect(os.WriteFile(file, text, 0o600)).To(Succeed())
	return file
}

// namespaces makes the operator's namespace, where only Pods may run that ask for nothing, and the team's.
func (w *world) namespaces(ctx context.Context) {
	GinkgoHelper()
	own := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	Expect(w.kube.Create(ctx, own)).To(Succeed())
	Expect(w.kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: team}})).To(Succeed())
}

// helmInstall installs or upgrades to a version and waits until it runs.
func (w *world) helmInstall(ctx context.Context, r release) {
	GinkgoHelper()
	run(ctx, w.helm, "upgrade", "--install", helming, r.chart, "--namespace", system, "--values", w.values,
		"--set", "image.tag="+r.tag, "--wait", "--timeout", "3m", "--kubeconfig", w.kubeconfig)
	Eventually(func(g Gomega) {
		pods := w.pods(ctx)
		g.Expect(pods).To(HaveLen(2))
		for _, pod := range pods {
			g.Expect(pod.Spec.Containers[0].Image).To(HaveSuffix(":" + r.tag))
		}
	}).Should(Succeed())
}

func (w *world) kubectl(ctx context.Context, args ...string) string {
	GinkgoHelper()
	return run(ctx, w.settings.kubectl, append([]string{"--kubeconfig", w.kubeconfig}, args...)...)
}

// seal puts Astro's credential, as it is now, into the Secrets that the connections name.
func (w *world) seal(ctx context.Context) {
	GinkgoHelper()
	for _, namespace := range []string{system, team} {
		secret := &corev1.Secret{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Name: "astro-api", Namespace: namespace},
			StringData: map[string]string{"token": w.astro.credential()},
		}
		w.apply(ctx, secret)
	}
}

// apply applies an object as kubectl would, server-side.
func (w *world) apply(ctx context.Context, object client.Object) {
	GinkgoHelper()
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	Expect(err).NotTo(HaveOccurred())
	text, err := yaml.Marshal(raw)
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(GinkgoT().TempDir(), "object.yaml")
	Expect(os.WriteFile(file, text, 0o600)).To(Succeed())
	w.kubectl(ctx, "apply", "--server-side", "--force-conflicts", "-f", file)
}

// checkLogs keeps what the operator has logged so far, and looks for what must never stand there.
func (w *world) checkLogs(ctx context.Context) {
	GinkgoHelper()
	for _, pod := range w.pods(ctx) {
		out, err := try(ctx, w.settings.kubectl, "--kubeconfig", w.kubeconfig, "-n", system, "logs", pod.Name)
		if err != nil {
			continue // it is on its way out
		}
		w.logs[pod.Name] = out
	}
	for name, log := range w.logs {
		for line := range strings.SplitSeq(log, "\n") {
			Expect(line).NotTo(ContainSubstring("is forbidden"), "%s lacks a right", name)
			Expect(line).NotTo(ContainSubstring("eyJ"), "%s tells a credential", name)
		}
	}
}

func key(namespace, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: name}
}

func describe(conditions []metav1.Condition) string {
	for _, c := range conditions {
		if c.Type == v1alpha1.ConditionReady {
			return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
		}
	}
	return "not looked at"
}
