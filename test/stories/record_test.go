package stories

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// recordIn names the folder in which the stories keep every distinct state that their objects pass through, so that
// other tests may judge what tools make of each; nothing is kept if it is empty.
const recordIn = "STORY_RECORD"

// record keeps the states of this world's objects, each revision that the API server tells of, until the story ends.
func (w *world) record() {
	GinkgoHelper()
	folder := os.Getenv(recordIn)
	if folder == "" {
		return
	}
	watcher, err := client.NewWithWatch(w.admin, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(w.ctx)
	var done sync.WaitGroup
	kinds := []string{"ScopedTokenBinding", "AstroConnection", "ClusterAstroConnection", "TargetInventory"}
	for _, kind := range kinds {
		events, err := watcher.Watch(ctx, listOf(kind), client.MatchingLabels{storyLabel: w.namespace})
		Expect(err).NotTo(HaveOccurred())
		done.Go(func() {
			defer GinkgoRecover()
			for event := range events.ResultChan() {
				if o, ok := event.Object.(*unstructured.Unstructured); ok && event.Type != watch.Deleted {
					Expect(keep(folder, o)).To(Succeed())
				}
			}
		})
	}
	DeferCleanup(func() {
		cancel()
		done.Wait()
		for _, kind := range kinds { // the watch may have been about to tell of what the story saw last
			last := listOf(kind)
			Expect(watcher.List(w.ctx, last, client.MatchingLabels{storyLabel: w.namespace})).To(Succeed())
			for i := range last.Items {
				Expect(keep(folder, &last.Items[i])).To(Succeed())
			}
		}
	})
}

func listOf(kind string) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
	return list
}

// keep writes an object into the folder, in a file of its own for each state in which a kind can be.
func keep(folder string, o *unstructured.Unstructured) error {
	o.SetManagedFields(nil)
	text, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	reason, state := stateOf(o)
	file := filepath.Join(folder, fmt.Sprintf("%s-%s-%.6x.json", o.GetKind(), reason, sha256.Sum256([]byte(state))))
	err = os.WriteFile(file+"."+string(o.GetUID()), text, 0o600)
	if err == nil {
		err = os.Link(file+"."+string(o.GetUID()), file) // whole or not at all, and the first stays
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(file+"."+string(o.GetUID())))
}

// stateOf is the reason of the Ready condition, and all by which tools tell one object of a kind from another: the
// conditions without their words, whether they speak of this generation, and whether the object is being deleted.
func stateOf(o *unstructured.Unstructured) (reason, state string) {
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	parts := []string{fmt.Sprint(observed == -1, observed == o.GetGeneration(), o.GetDeletionTimestamp() != nil)}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok {
			parts = append(parts, fmt.Sprint(c["type"], "=", c["status"], "/", c["reason"]))
			if c["type"] == v1alpha1.ConditionReady {
				reason = fmt.Sprint(c["reason"])
			}
		}
	}
	return reason, strings.Join(parts, " ")
}
