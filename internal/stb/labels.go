package stb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/ref"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
)

// readLabels reads the labels of namespaces, where rules go by them, as they are now and with the manifests.
func (s *session) readLabels(
	ctx context.Context, c cluster, now *plan.World, then *overlaid, set *manifestSet,
) (before, after map[string]plan.Namespace) {
	before, after = map[string]plan.Namespace{}, map[string]plan.Namespace{}
	for name, byLabels := range namespacesToRead(now, then) {
		labels, declared := set.labels[name]
		is := s.readNamespace(ctx, c, name, byLabels, declared)
		before[name], after[name] = is.Namespace, is.Namespace
		if declared {
			after[name] = is.with(name, labels)
		}
	}
	return before, after
}

// namespacesToRead are those in which bindings are made, and those whose labels a rule goes by, which is said of each.
func namespacesToRead(now *plan.World, then *overlaid) map[string]bool {
	byLabels := map[ref.Key]bool{}
	for _, o := range slices.Concat(now.Connections, then.Connections) {
		key := ref.KeyOf(o)
		byLabels[key] = byLabels[key] || then.Organizations[plan.KeyOf(o)] != nil && goesByLabels(o)
	}
	all := map[string]bool{}
	for _, b := range then.Bindings {
		needed := byLabels[ref.KeyFor(b.Namespace, b.Spec.ConnectionRef)]
		if needed || then.declared[b.UID].Operation == plan.Create {
			all[b.Namespace] = all[b.Namespace] || needed
		}
	}
	return all
}

// liveNamespace is a namespace as the cluster has it.
type liveNamespace struct {
	plan.Namespace

	applied map[string]any // the labels that it had in the manifest that was last applied, as far as kubectl has noted that
}

// with is the namespace with a manifest laid over it: a label that the manifest had when it was last applied, and has no more,
// goes, and what others have set stays.
func (n liveNamespace) with(name string, labels map[string]string) plan.Namespace {
	if n.Err != nil {
		return n.Namespace
	}
	all := map[string]string{}
	maps.Copy(all, n.Labels)
	maps.DeleteFunc(all, func(key, _ string) bool {
		_, was := n.applied[key]
		return was
	})
	maps.Copy(all, labels)
	all[corev1.LabelMetadataName] = name
	return plan.Namespace{Labels: all}
}

// readNamespace reads one namespace. One that there is not is told of, unless the manifests make it. That the user may not
// read it matters only where its labels do.
func (s *session) readNamespace(ctx context.Context, c cluster, name string, byLabels, made bool) liveNamespace {
	least := plan.Namespace{Labels: map[string]string{corev1.LabelMetadataName: name}}
	if c.offline {
		return liveNamespace{Namespace: least}
	}
	var object corev1.Namespace
	err := c.Get(ctx, client.ObjectKey{Name: name}, &object)
	switch {
	case apierrors.IsNotFound(err):
		if !made {
			fmt.Fprintf(s.ErrOut, "There is no namespace %s; make it before you apply the bindings.\n", printable(name))
		}
		return liveNamespace{Namespace: least}
	case apierrors.IsForbidden(err) && !byLabels:
		return liveNamespace{}
	case err != nil:
		return liveNamespace{Namespace: plan.Namespace{Err: err}}
	}
	applied, err := appliedLabels(&object)
	return liveNamespace{Namespace: plan.Namespace{Labels: object.Labels, Err: err}, applied: applied}
}

// appliedLabels are the labels of the manifest that was last applied, by kubectl's annotation; none where there is none.
func appliedLabels(object *corev1.Namespace) (map[string]any, error) {
	text := object.Annotations[corev1.LastAppliedConfigAnnotation]
	if text == "" {
		return nil, nil //nolint:nilnil // no labels is an answer, not an error
	}
	var last struct {
		Metadata struct {
			Labels map[string]any `json:"labels"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(text), &last); err != nil {
		return nil, fmt.Errorf("its annotation %s: %w", corev1.LastAppliedConfigAnnotation, err)
	}
	return last.Metadata.Labels, nil
}
