package e2e

import (
	"context"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// passing are the kinds that come and go by themselves.
var passing = map[string]bool{"Event": true, "ComponentStatus": true, "Endpoints": true, "PodMetrics": true, "NodeMetrics": true}

// objects are all objects of the cluster, each as "Kind namespace/name".
func (w *world) objects(ctx context.Context) []string {
	GinkgoHelper()
	asker, err := discovery.NewDiscoveryClientForConfig(w.config)
	Expect(err).NotTo(HaveOccurred())
	groups, err := asker.ServerPreferredResources()
	Expect(err).NotTo(HaveOccurred())
	var all []string
	for _, group := range groups {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		Expect(err).NotTo(HaveOccurred())
		for _, resource := range group.APIResources {
			if slices.Contains(resource.Verbs, "list") && !strings.Contains(resource.Name, "/") && !passing[resource.Kind] {
				all = append(all, w.objectsOf(ctx, version.WithKind(resource.Kind))...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (w *world) objectsOf(ctx context.Context, kind schema.GroupVersionKind) []string {
	GinkgoHelper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	Expect(w.kube.List(ctx, list)).To(Succeed(), kind.String())
	var all []string
	for _, object := range list.Items {
		all = append(all, strings.TrimSpace(kind.Kind+" "+strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), "/")))
	}
	return all
}

// without are those of the first that are not among the second.
func without(all, known []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return slices.Contains(known, one) })
}

// withoutJournal leaves out the pages of the journal, which the operator makes as it needs them, and not Helm.
func withoutJournal(all []string) []string {
	page := "ConfigMap " + system + "/" + lease + "-journal-"
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return strings.HasPrefix(one, page) })
}
