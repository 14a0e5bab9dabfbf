package index

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

func TestStrip(t *testing.T) {
	selector, err := labels.Parse("shard in (a,b),!old")
	if err != nil {
		t.Fatal(err)
	}
	made := func() *v1alpha1.AstroConnection {
		c := &v1alpha1.AstroConnection{}
		c.Name, c.Finalizers = "acme", []string{"example.com/theirs"} // which a patch replaces as a whole
		c.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "now"}
		c.Labels = map[string]string{"shard": "a", "old": ""}
		return c
	}
	full := made()
	full.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
	full.OwnerReferences = []metav1.OwnerReference{{Name: strings.Repeat("x", 1000)}}
	full.Annotations["example.com/note"] = strings.Repeat("x", 1000)
	full.Annotations["astro.scopedtoken.dev/made-up"] = "nobody asks for it"
	full.Annotations[v1alpha1.AnnotationConfirmToken] = strings.Repeat("x", MaxAnnotation+1)
	full.Labels["example.com/team"] = "data"
	stripped, err := Stripped(selector)(full)
	if diff := cmp.Diff(made(), stripped); diff != "" || err != nil {
		t.Errorf("%v\n-want +got:\n%s", err, diff)
	}
	annotations, labels := full.Annotations, full.Labels
	if Strip(full, selector); len(annotations) != 1 || len(labels) != 2 {
		t.Error("what is stripped is written again")
	}
	if Strip(full, nil); full.Labels != nil {
		t.Errorf("without a selector, labels are kept: %v", full.Labels)
	}
	if object, err := Stripped(nil)("the mark of an object that is gone"); object != "the mark of an object that is gone" || err != nil {
		t.Errorf("got %v, %v", object, err)
	}
}

// TestEveryAnnotationIsKept reads which there are from the source.
func TestEveryAnnotationIsKept(t *testing.T) {
	source, err := os.ReadFile("../../../api/v1alpha1/metadata.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`Annotation\w+ += "([^"]+)"`).FindAllSubmatch(source, -1)
	for _, m := range found {
		if !slices.Contains(annotations, string(m[1])) {
			t.Errorf("%s is dropped from the cache", m[1])
		}
	}
	if len(found) != len(annotations) {
		t.Errorf("%d annotations are kept of %d", len(annotations), len(found))
	}
}
