package stb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// readLabels reads the labels of namespaces, where rules go by them, as they are now and with the manifests.
func (s *session) readLabels(
	ctx context.Context, c cluster, now *plan.World, then *overlaid, set *manifestSet,
) (before, after map[string]plan.Namespace) {
	before, after = map[string]plan.Namespace{}, map[string]plan.Namespace{}
	for name, asked := range namespacesToRead(now, then) {
		labels, declared := set.labels[name]
		is := s.readNamespace(ctx, c, name, asked, declared)
		before[name], after[name] = is.Namespace, is.Namespace
		if declared {
			after[name] = is.with(name, labels)
		}
	}
	return before, after
}

// asked is what rules want to know of a namespace: its labels, among them others than its name, and whether nothing can be said
// without these: no rule speaks to it by its name.
type asked struct{ labels, more, all bool }

// namespacesToRead are those in which bindings are made, and those whose labels a rule goes by, which is said of each.
func namespacesToRead(now *plan.World, then *overlaid) map[string]asked {
	byLabels := map[ref.Key][]v1alpha1.Connection{}
	for _, o := range slices.Concat(now.Connections, then.Connections) {
		if then.Organizations[plan.KeyOf(o)] != nil && policy.GoesByLabels(o) {
			byLabels[ref.KeyOf(o)] = append(byLabels[ref.KeyOf(o)], o)
		}
	}
	all := map[string]asked{}
	for _, b := range then.Bindings {
		through := byLabels[ref.KeyFor(b.Namespace, b.Spec.ConnectionRef)]
		if len(through) == 0 && then.declared[b.UID].Operation != plan.Create {
			continue
		}
		of := all[b.Namespace]
		of.labels = of.labels || len(through) > 0
		of.more = of.more || slices.ContainsFunc(through, policy.NeedsLabels)
		of.all = of.all || slices.ContainsFunc(through, func(c v1alpha1.Connection) bool {
			return policy.NeedsLabels(c) && !policy.SpeaksTo(c, policy.Subject{Namespace: b.Namespace})
		})
		all[b.Namespace] = of
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

// errNotRead is why the labels of a namespace are not known offline: what no manifest tells may be as the rules want it, or not.
var errNotRead = errors.New("no manifest has it, and --offline reads none")

// readNamespace reads one namespace. One that there is not is told of, unless the manifests make it. That the user may not
// read it matters only where its labels do.
func (s *session) readNamespace(ctx context.Context, c cluster, name string, asked asked, made bool) liveNamespace {
	least := plan.Namespace{Labels: map[string]string{corev1.LabelMetadataName: name}} // as the API server sees to it
	switch {
	case !c.offline:
	case made || !asked.more:
		return liveNamespace{Namespace: least}
	case asked.all:
		return liveNamespace{Namespace: plan.Namespace{Err: errNotRead}}
	default: // what is allowed by its name is known all the same
		return liveNamespace{}
	}
	var object corev1.Namespace
	err := c.Get(ctx, client.ObjectKey{Name: name}, &object)
	switch {
	case apierrors.IsNotFound(err):
		if !made {
			fmt.Fprintf(s.ErrOut, "There is no namespace %s; make it before you apply the bindings.\n", printable(name))
		}
		return liveNamespace{Namespace: least}
	case apierrors.IsForbidden(err) && !asked.labels:
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
