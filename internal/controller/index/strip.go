package index

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// MaxAnnotation is how many bytes an annotation of the operator's own may have. A longer one counts as if it were not there:
// what it asks for fits into fewer, and it is kept in memory.
const MaxAnnotation = 256

// annotations are those that somebody asks for.
var annotations = []string{
	v1alpha1.AnnotationRelease, v1alpha1.AnnotationRequestedAt, v1alpha1.AnnotationLiftRevocationLimit,
	v1alpha1.AnnotationConfirmToken, v1alpha1.AnnotationConfirmTarget, v1alpha1.AnnotationConfirmUndeclared,
}

// Stripped is the transform of the cache: objects lose what users may write on them at any length and nobody asks for. The
// labels that the selector speaks of are kept; nil speaks of none.
//
// The operator writes differences between two copies of one object, which say nothing of what both lack. Nobody may send a
// stripped object as a whole.
func Stripped(selector labels.Selector) cache.TransformFunc {
	return func(object any) (any, error) {
		if m, err := meta.Accessor(object); err == nil { // else it is the mark of an object that is gone
			Strip(m, selector)
		}
		return object, nil
	}
}

// Strip does the same to one object, such as one that the API server has just answered with. What is stripped already is not
// written, since others may be reading it.
func Strip(m metav1.Object, selector labels.Selector) {
	if m.GetManagedFields() != nil {
		m.SetManagedFields(nil)
	}
	if m.GetOwnerReferences() != nil {
		m.SetOwnerReferences(nil)
	}
	if kept, all := only(m.GetAnnotations(), annotations, MaxAnnotation); !all {
		m.SetAnnotations(kept)
	}
	var keys []string
	if selector != nil {
		requirements, _ := selector.Requirements()
		for i := range requirements {
			keys = append(keys, requirements[i].Key())
		}
	}
	if kept, all := only(m.GetLabels(), keys, MaxAnnotation); !all {
		m.SetLabels(kept)
	}
}

// only are the entries with the keys, but for values that are too long; all says that there are no others.
func only(entries map[string]string, keys []string, longest int) (kept map[string]string, all bool) {
	kept = maps.Clone(entries)
	maps.DeleteFunc(kept, func(k, v string) bool { return !slices.Contains(keys, k) || len(v) > longest })
	if len(kept) == len(entries) {
		return entries, true
	}
	if len(kept) == 0 {
		return nil, false
	}
	return maps.Collect(maps.All(kept)), false // a map of its own, since one that was large stays large
}
