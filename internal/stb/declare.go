package stb

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/manifests"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// manifestSet is what manifests declare.
type manifestSet struct {
	bindings    []manifests.Document
	connections []manifests.Document
	labels      map[string]map[string]string // of Namespaces
	has         map[client.ObjectKey]bool    // bindings, those through other connections than --connection says among them
	only        func(ref.Key) bool           // the connections through which bindings are planned
}

// declare sorts documents by what they are. Where one names no namespace, it is the one that apply would take.
func (s *session) declare(documents []manifests.Document, namespace string) (*manifestSet, error) {
	set := &manifestSet{labels: map[string]map[string]string{}, has: map[client.ObjectKey]bool{}}
	var err error
	if set.only, err = s.onlyThrough(); err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for i, d := range documents {
		object := d.Object.DeepCopy()
		switch d.Kind() {
		case manifests.KindNamespace:
			set.labels[object.GetName()] = object.GetLabels()
			continue
		case manifests.KindClusterConnection:
			object.SetNamespace("")
		default:
			if object.GetNamespace() == "" {
				object.SetNamespace(namespace)
			}
		}
		if object.GetName() == "" && object.GetGenerateName() != "" {
			object.SetName(fmt.Sprintf("%s(new-%d)", object.GetGenerateName(), i+1))
		}
		d.Object = object
		key := d.Kind() + "/" + client.ObjectKeyFromObject(object).String()
		if other, twice := seen[key]; twice {
			return nil, fmt.Errorf("%s: %s is in %s as well", d.Source, key, other)
		}
		seen[key] = d.Source
		set.add(d)
	}
	return set, nil
}

func (m *manifestSet) add(document manifests.Document) {
	if document.Kind() != manifests.KindBinding {
		m.connections = append(m.connections, document)
		return
	}
	m.has[client.ObjectKeyFromObject(document.Object)] = true
	if m.only(referenceOf(document.Object)) {
		m.bindings = append(m.bindings, document)
	}
}

// referenceOf is the connection to which a binding in a manifest refers, as far as it does.
func referenceOf(object *unstructured.Unstructured) ref.Key {
	kind, _, _ := unstructured.NestedString(object.Object, "spec", "connectionRef", "kind")
	name, _, _ := unstructured.NestedString(object.Object, "spec", "connectionRef", "name")
	return ref.KeyFor(object.GetNamespace(), v1alpha1.ConnectionReference{Kind: v1alpha1.ConnectionKind(kind), Name: name})
}

// onlyThrough reports which connections --connection means: all without it.
func (s *session) onlyThrough() (func(ref.Key) bool, error) {
	kind, name, err := parseConnection(s.connection)
	if err != nil {
		return nil, err
	}
	return func(k ref.Key) bool { return name == "" || k.Name == name && (kind == "" || k.Kind == kind) }, nil
}

// connectionsNeeded are the connections of the manifests: those that they bring along (false), and those that they only refer to.
func (m *manifestSet) connectionsNeeded() map[ref.Key]bool {
	all := map[ref.Key]bool{}
	for _, d := range m.bindings {
		if key := referenceOf(d.Object); key.Name != "" {
			all[key] = true
		}
	}
	for _, d := range m.connections {
		all[keyOf(&d)] = false
	}
	return all
}

// keyOf is the key of a connection in a manifest.
func keyOf(d *manifests.Document) ref.Key {
	return ref.Key{Kind: v1alpha1.ConnectionKind(d.Kind()), Namespace: d.Object.GetNamespace(), Name: d.Object.GetName()}
}

// namespaces are those of the bindings and connections, and those that have a manifest themselves: one whose last binding was taken
// out is among them.
func (m *manifestSet) namespaces() map[string]bool {
	all := map[string]bool{}
	for key := range m.has {
		all[key.Namespace] = true
	}
	for _, d := range m.connections {
		if d.Kind() == manifests.KindConnection {
			all[d.Object.GetNamespace()] = true
		}
	}
	for name := range m.labels {
		all[name] = true
	}
	return all
}

// applied is the object, of the type of into, once a document is applied to live; nil is none.
func applied[T client.Object](ctx context.Context, d *manifests.Document, live client.Object, into T) (T, error) {
	var old *unstructured.Unstructured
	if live != nil {
		content, err := contentOf(live)
		if err != nil {
			return into, err
		}
		old = &unstructured.Unstructured{Object: content}
		old.SetGroupVersionKind(d.Object.GroupVersionKind())
	}
	object, err := d.Apply(ctx, old)
	if err != nil {
		return into, err
	}
	return into, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into)
}

// contentOf are the fields of an object. Its own conversion cuts times to seconds, which the end of a binding need not have been.
func contentOf(live client.Object) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	if b, is := live.(*v1alpha1.ScopedTokenBinding); is && err == nil && b.Spec.ExpiresAt != nil {
		err = unstructured.SetNestedField(content, b.Spec.ExpiresAt.Format(time.RFC3339Nano), "spec", "expiresAt")
	}
	return content, err
}
