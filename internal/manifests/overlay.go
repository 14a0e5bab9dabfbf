package manifests

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Apply is the object as the API server would have it once the document is applied; live is the one that is there, nil for none.
// What the API server would refuse is an error.
func (d *Document) Apply(ctx context.Context, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	object, err := d.apply(ctx, live)
	if err != nil {
		return nil, d.refused(err)
	}
	return object, nil
}

func (d *Document) apply(ctx context.Context, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	all, err := kinds()
	if err != nil {
		return nil, err
	}
	of := all[d.Kind()]
	wanted := d.Object.DeepCopy()
	delete(wanted.Object, "status") // which only the operator writes
	var old map[string]any
	if live != nil {
		live = live.DeepCopy() // a typed object has left out what is empty
		defaulting.PruneNonNullableNullsWithoutDefaults(live.Object, of.structural)
		defaulting.Default(live.Object, of.structural)
		old = live.Object
		if wanted, err = merged(wanted, live); err != nil {
			return nil, err
		}
		if spec, has := d.Object.Object["spec"]; has {
			writeOver(wanted.Object, map[string]any{"spec": spec})
		}
	}
	if err := of.complete(wanted.Object); err != nil {
		return nil, err
	}
	if err := of.check(ctx, wanted.Object, old); err != nil {
		return nil, err
	}
	if live == nil {
		return wanted, nil
	}
	edited, err := differ(d.Kind(), live.Object["spec"], wanted.Object["spec"])
	if edited {
		wanted.SetGeneration(live.GetGeneration() + 1)
	}
	return wanted, err
}

// differ reports whether two specs say different things. The API server counts it as an edit, too, if a time or a duration is
// only written in another way, but nothing follows from that, and a typed object does not have it as it was written.
func differ(kind string, one, other any) (bool, error) {
	first, err := decoded(kind, one)
	if err != nil {
		return false, err
	}
	second, err := decoded(kind, other)
	return !equality.Semantic.DeepEqual(first, second), err
}

// decoded is a spec as the operator reads it.
func decoded(kind string, spec any) (into any, err error) {
	into = &v1alpha1.ConnectionSpec{}
	if kind == KindBinding {
		into = &v1alpha1.ScopedTokenBindingSpec{}
	}
	fields, _ := spec.(map[string]any)
	return into, runtime.DefaultUnstructuredConverter.FromUnstructured(fields, into)
}

// merged is the document laid over the object that is there: what the document had when it was last applied, and has no more,
// goes, and what others have set stays. Where nobody knows what was applied, the spec is what the document says.
func merged(wanted, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	original := []byte(live.GetAnnotations()[corev1.LastAppliedConfigAnnotation])
	if len(original) == 0 {
		whole, err := json.Marshal(map[string]any{"spec": live.Object["spec"]})
		if err != nil {
			return nil, err
		}
		original = whole
	}
	modified, err := wanted.MarshalJSON()
	if err != nil {
		return nil, err
	}
	current, err := live.MarshalJSON()
	if err != nil {
		return nil, err
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(original, modified, current)
	if err != nil {
		return nil, fmt.Errorf("lay it over the object that is there: %w", err)
	}
	var changes map[string]any
	if err := json.Unmarshal(patch, &changes); err != nil {
		return nil, err
	}
	return &unstructured.Unstructured{Object: patched(runtime.DeepCopyJSON(live.Object), changes)}, nil
}

// patched is the object with a JSON merge patch (RFC 7386).
func patched(object, patch map[string]any) map[string]any {
	object = maps.Clone(object)
	if object == nil {
		object = map[string]any{}
	}
	for key, value := range patch {
		inner, isMap := value.(map[string]any)
		old, wasMap := object[key].(map[string]any)
		switch {
		case value == nil:
			delete(object, key)
		case isMap && wasMap:
			object[key] = patched(old, inner)
		case isMap:
			object[key] = patched(nil, inner)
		default:
			object[key] = value
		}
	}
	return object
}

// writeOver writes the document over the object again, with the keys that it left blank: a merge patch takes them for keys that
// are to go, while the API server judges what they would mean.
func writeOver(object, document map[string]any) {
	for key, value := range document {
		inner, isMap := value.(map[string]any)
		old, wasMap := object[key].(map[string]any)
		if isMap && wasMap {
			writeOver(old, inner)
			continue
		}
		object[key] = runtime.DeepCopyJSONValue(value)
	}
}
