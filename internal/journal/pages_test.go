package journal_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

func TestDeletedWhileRunningIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	j := w.open("first")
	w.must(j.Write(t.Context(), key, entry("a")))
	w.must(w.Delete(t.Context(), w.page()))
	w.must(j.Write(t.Context(), key, entry("b")))
	w.has(key, "a", "b")
}

func TestAnotherPutInItsPlaceIsOverwritten(t *testing.T) {
	w := newWorld(t)
	j := w.open("first")
	w.must(j.Write(t.Context(), key, entry("a")))
	saved := w.page()
	w.must(j.Withdraw(t.Context(), key, "a"))
	w.must(j.Write(t.Context(), key, entry("b")))
	w.restore(saved)
	w.must(j.Write(t.Context(), key, entry("c")))
	w.has(key, "b", "c")
	w.must(j.Err())
}

// restore puts a page back as a backup does: another object under the name, with all that was written.
func (w *world) restore(saved *corev1.ConfigMap) {
	w.Helper()
	w.must(w.Delete(w.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: saved.Namespace, Name: saved.Name}}))
	again := saved.DeepCopy()
	again.ResourceVersion, again.UID = "", ""
	w.must(w.Create(w.Context(), again))
}

func TestRestoredPageIsEmptiedUnread(t *testing.T) {
	w := newWorld(t)
	w.must(w.open("first").Write(t.Context(), key, entry("a")))
	w.restore(w.page())
	next := w.open("second")
	w.same(next, key)
	w.must(next.Flush(t.Context()))
	if n := len(w.pages()); n != 0 {
		t.Errorf("%d pages hold something", n)
	}
}

func TestClonedPageIsEmptiedUnread(t *testing.T) {
	w := newWorld(t)
	w.must(w.open("first").Write(t.Context(), key, entry("a")))
	clone := w.page()
	clone.ResourceVersion, clone.UID, clone.Name = "", "", "clone"
	w.must(w.Create(t.Context(), clone))
	w.has(key, "a")
	if n := len(w.pages()); n != 1 {
		t.Errorf("%d pages hold something", n)
	}
}

func TestEditedPageIsWrittenAnew(t *testing.T) {
	w := newWorld(t)
	j := w.open("first")
	w.must(j.Write(t.Context(), key, entry("a")))
	edited := w.page()
	edited.Data = map[string]string{"garbled": "{"}
	w.must(w.Update(t.Context(), edited))
	w.must(j.Write(t.Context(), key, entry("b")))
	w.has(key, "a", "b")
	if _, left := w.page().Data["garbled"]; left {
		t.Error("what nobody can read is still there")
	}
}

func TestMoreThanAPageHolds(t *testing.T) {
	w := newWorld(t)
	j := w.open("first")
	const tokens = 5
	batch := func(n int) (all []journal.Entry) {
		for i := range journal.MaxClaims {
			all = append(all, entry(fmt.Sprintf("%d-0f9a7c1e-8a3b-4c2d-9e1f-%012d", n, i)))
		}
		return all
	}
	for n := range tokens {
		w.must(j.Write(t.Context(), key, batch(n)...))
	}
	pages := w.pages()
	if len(pages) < 2 {
		t.Errorf("%d pages", len(pages))
	}
	for _, cm := range pages {
		size := 0
		for k, v := range cm.Data {
			size += len(k) + len(v)
		}
		if size > 100_000 {
			t.Errorf("page %s has %d bytes", cm.Name, size)
		}
	}
	next := w.open("second")
	if n := len(next.Entries(key)); n != tokens*journal.MaxClaims {
		t.Errorf("%d entries are found", n)
	}
	for _, e := range next.Entries(key) {
		next.Clear(key, e.UID)
	}
	w.must(next.Flush(t.Context()))
	if n := len(w.pages()); n != 0 {
		t.Errorf("%d pages hold something after all was cleared", n)
	}
}
