package stb

import (
	"context"
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
		if c.offline {
			break
		}
		before[name] = s.readNamespace(ctx, c, name, byLabels, set.labels[name] != nil)
	}
	maps.Copy(after, before)
	for name, labels := range set.labels {
		merged := maps.Clone(before[name].Labels)
		if merged == nil {
			merged = map[string]string{}
		}
		maps.Copy(merged, labels)
		merged[corev1.LabelMetadataName] = name
		if err := before[name].Err; err == nil {
			after[name] = plan.Namespace{Labels: merged}
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

// readNamespace reads one namespace. One that there is not is told of, unless the manifests make it. That the user may not
// read it matters only where its labels do.
func (s *session) readNamespace(ctx context.Context, c cluster, name string, byLabels, made bool) plan.Namespace {
	var object corev1.Namespace
	err := c.Get(ctx, client.ObjectKey{Name: name}, &object)
	switch {
	case apierrors.IsNotFound(err):
		if !made {
			fmt.Fprintf(s.ErrOut, "There is no namespace %s; make it before you apply the bindings.\n", printable(name))
		}
		return plan.Namespace{Labels: map[string]string{corev1.LabelMetadataName: name}}
	case apierrors.IsForbidden(err) && !byLabels:
		return plan.Namespace{}
	case err != nil:
		return plan.Namespace{Err: err}
	}
	return plan.Namespace{Labels: object.Labels}
}
