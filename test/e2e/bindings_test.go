package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// samples are the files of config/samples but for namespace and Secret, with the simulated Astro for Astro.
func (w *world) samples() []*unstructured.Unstructured {
	GinkgoHelper()
	files, err := filepath.Glob(filepath.Join(w.root, "config", "samples", "*.yaml"))
	Expect(err).NotTo(HaveOccurred())
	var all []*unstructured.Unstructured
	for _, file := range files {
		text, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		object := &unstructured.Unstructured{}
		Expect(yaml.Unmarshal(text, &object.Object)).To(Succeed())
		switch object.GetKind() {
		case "Kustomization", "Namespace", "Secret":
			continue
		case "AstroConnection", "ClusterAstroConnection":
			Expect(unstructured.SetNestedField(object.Object, "https://"+w.astro.host, "spec", "apiURL")).To(Succeed())
			Expect(unstructured.SetNestedField(object.Object, "5s", "spec", "sweepInterval")).To(Succeed())
		}
		all = append(all, object)
	}
	return all
}

// bindings are the samples' as they are now, by name.
func (w *world) bindings(ctx context.Context) map[string]string {
	GinkgoHelper()
	var list v1alpha1.ScopedTokenBindingList
	Expect(w.kube.List(ctx, &list, client.InNamespace(team))).To(Succeed())
	all := map[string]string{}
	for _, b := range list.Items {
		all[b.Name] = describe(b.Status.Conditions)
	}
	return all
}

// settled waits until every binding of the samples is Ready and Astro holds what they declare.
func (w *world) settled(ctx context.Context) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		all := w.bindings(ctx)
		for name := range declared() {
			g.Expect(all).To(HaveKeyWithValue(name, HavePrefix("True")))
		}
		g.Expect(w.astro.holds()).To(Equal(declared()))
	}).Should(Succeed())
}

// works shows that somebody is at work: a binding is granted, deleted and revoked.
func (w *world) works(ctx context.Context, name string) {
	GinkgoHelper()
	legacy := w.astro.ids["legacy-bot"]
	b := builders.Binding(name).In(team).ForToken("legacy-bot").OnWorkspace(dataPlatform).WithRole("WORKSPACE_MEMBER").Object()
	Expect(w.kube.Create(ctx, b)).To(Succeed())
	role := func() string { return w.astro.RoleOn(legacy, "WORKSPACE", dataPlatform) }
	Eventually(role).Should(Equal("WORKSPACE_MEMBER"))
	Eventually(func() string { return w.bindings(ctx)[name] }).Should(HavePrefix("True"))
	Expect(w.kube.Delete(ctx, b)).To(Succeed())
	Eventually(func() map[string]string { return w.bindings(ctx) }).ShouldNot(HaveKey(name))
	Expect(role()).To(BeEmpty())
}

// vigil watches the bindings of the samples until the function that it returns is called, which fails if one of them was
// anything but Ready in between, if only for a moment.
func (w *world) vigil(ctx context.Context) (end func()) {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(ctx)
	DeferCleanup(cancel)
	var list v1alpha1.ScopedTokenBindingList
	Expect(w.kube.List(ctx, &list, client.InNamespace(team))).To(Succeed())
	var gaps []string
	var watching sync.WaitGroup
	events, err := w.kube.Watch(ctx, &list, client.InNamespace(team), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	Expect(err).NotTo(HaveOccurred())
	watching.Go(func() {
		for event := range events.ResultChan() {
			if gap := gapOf(event); gap != "" && ctx.Err() == nil {
				gaps = append(gaps, gap)
			}
		}
		if ctx.Err() == nil {
			gaps = append(gaps, "the watch ended early")
		}
	})
	return func() {
		GinkgoHelper()
		w.settled(ctx)
		cancel()
		watching.Wait()
		Expect(gaps).To(BeEmpty(), "a binding was not Ready")
	}
}

// gapOf says what is wrong with a binding of the samples, "" if nothing is.
func gapOf(event watch.Event) string {
	b, ok := event.Object.(*v1alpha1.ScopedTokenBinding)
	switch {
	case !ok:
		return fmt.Sprintf("the watch ended: %v", event.Object)
	case declared()[b.Name] == "":
		return ""
	case event.Type == watch.Deleted:
		return b.Name + " is gone"
	case !meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionReady):
		return b.Name + ": " + describe(b.Status.Conditions)
	}
	return ""
}
