package stories

import (
	"fmt"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// manyTokens grants each of so many tokens a role on each of so many Workspaces, waits until all is settled, and returns
// the ids of the tokens and the names of the bindings, those of one token after those of another.
func (w *world) manyTokens(tokens, spaces int) (ids, names []string) {
	GinkgoHelper()
	ids = w.tokens(tokens)
	targets := w.workspaces(spaces)
	w.sweep()
	var bindings []*builders.BindingBuilder
	for i, id := range ids {
		for j, ws := range targets {
			name := fmt.Sprintf("m-%03d-%02d", i, j)
			names = append(names, name)
			bindings = append(bindings, builders.Binding(name).ForTokenID(id).OnWorkspace(ws).WithRole("WORKSPACE_MEMBER"))
		}
	}
	w.each(len(bindings), func(i int) { w.bind(bindings[i]) })
	w.expect("True/Granted", names...)
	w.sweep()
	return ids, names
}

// each does something so often, side by side.
func (w *world) each(times int, do func(i int)) {
	GinkgoHelper()
	const hands = 8
	var work sync.WaitGroup
	for hand := range hands {
		work.Go(func() {
			defer GinkgoRecover()
			for i := hand; i < times; i += hands {
				do(i)
			}
		})
	}
	work.Wait()
}

// bindingsWritten are the operator's writes to bindings after the first n writes.
func (w *world) bindingsWritten(n int) (writes []string) {
	for _, write := range w.traffic.since(n) {
		if strings.Contains(write, "/scopedtokenbindings/") {
			writes = append(writes, write)
		}
	}
	return writes
}

// finalized checks that every binding still has the operator's finalizer.
func (w *world) finalized(names ...string) {
	GinkgoHelper()
	for _, name := range names {
		Expect(w.binding(name).Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke), name)
	}
}
