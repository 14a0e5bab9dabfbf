package stb

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/manifests"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// overlaid is a world with the manifests laid over it.
type overlaid struct {
	plan.World

	declared        map[types.UID]plan.Declared
	connectionItems []connectionItem
}

// overlay applies the manifests to a world.
func overlay(ctx context.Context, now plan.World, set *manifestSet) (*overlaid, error) {
	then := &overlaid{World: now, declared: map[types.UID]plan.Declared{}}
	then.Bindings = append([]*v1alpha1.ScopedTokenBinding{}, now.Bindings...)
	then.Connections = append([]v1alpha1.Connection{}, now.Connections...)
	at := map[client.ObjectKey]int{}
	for i, b := range now.Bindings {
		at[client.ObjectKeyFromObject(b)] = i
	}
	for i := range set.connections {
		if !set.only(keyOf(&set.connections[i])) {
			continue
		}
		if err := then.applyConnection(ctx, &set.connections[i]); err != nil {
			return nil, err
		}
	}
	for i := range set.bindings {
		if err := then.applyBinding(ctx, &set.bindings[i], at); err != nil {
			return nil, err
		}
	}
	return then, nil
}

func (o *overlaid) applyBinding(ctx context.Context, d *manifests.Document, at map[client.ObjectKey]int) error {
	b := &v1alpha1.ScopedTokenBinding{}
	i, exists := at[client.ObjectKeyFromObject(d.Object)]
	if !exists {
		made, err := applied(ctx, d, nil, b)
		if err != nil {
			return err
		}
		made.UID, made.Generation = types.UID("new:"+made.Namespace+"/"+made.Name), 1
		made.CreationTimestamp = metav1.NewTime(o.Now.Truncate(time.Second))
		o.Bindings = append(o.Bindings, made)
		o.declared[made.UID] = plan.Declared{Operation: plan.Create, Source: d.Source}
		return nil
	}
	live := o.Bindings[i]
	made, err := applied(ctx, d, live, b)
	if err != nil {
		return err
	}
	operation := plan.Unchanged
	if made.Generation != live.Generation || !maps.Equal(wishes(made), wishes(live)) {
		operation = plan.Update
	}
	o.Bindings[i], o.declared[live.UID] = made, plan.Declared{Operation: operation, Source: d.Source}
	return nil
}

// wishes are the annotations by which a user asks something of the operator.
func wishes(o client.Object) map[string]string {
	all := maps.Clone(o.GetAnnotations())
	maps.DeleteFunc(all, func(key, _ string) bool { return !strings.HasPrefix(key, v1alpha1.GroupVersion.Group+"/") })
	if all == nil {
		all = map[string]string{}
	}
	return all
}

func (o *overlaid) applyConnection(ctx context.Context, d *manifests.Document) error {
	key := keyOf(d)
	for i, c := range o.Connections {
		if ref.KeyOf(c) != key {
			continue
		}
		live, _ := c.(client.Object)
		made, err := applied(ctx, d, live, newConnection(key.Kind))
		if err != nil {
			return err
		}
		o.Connections[i] = made
		if made.GetGeneration() != c.GetGeneration() || !maps.Equal(wishes(made), wishes(live)) {
			o.note(key, plan.Update, d.Source)
		}
		return nil
	}
	made, err := applied(ctx, d, nil, newConnection(key.Kind))
	if err != nil {
		return err
	}
	o.Connections = append(o.Connections, made)
	o.note(key, plan.Create, d.Source)
	return nil
}

func (o *overlaid) note(key ref.Key, operation plan.Operation, source string) {
	o.connectionItems = append(o.connectionItems, connectionItem{Connection: keyWords(key), Operation: operation, Source: source})
}

// keyWords are a connection as Kind/name, with the namespace between if it has one.
func keyWords(key ref.Key) string {
	return string(key.Kind) + "/" + strings.TrimPrefix(key.Namespace+"/"+key.Name, "/")
}

// deletePruned marks the bindings as deleted that the manifests have not, if the user says that whatever applies them prunes.
func (o *overlaid) deletePruned(options planOptions, set *manifestSet) error {
	if !options.prune && options.selector == "" {
		return nil
	}
	selector, err := labels.Parse(options.selector)
	if err != nil {
		return fmt.Errorf("--prune-selector: %w", err)
	}
	namespaces, deleted := set.namespaces(), metav1.NewTime(o.Now.Truncate(time.Second))
	for i, b := range o.Bindings {
		inScope := options.selector != "" || namespaces[b.Namespace]
		through := ref.KeyFor(b.Namespace, b.Spec.ConnectionRef)
		if set.has[client.ObjectKeyFromObject(b)] || !inScope || !selector.Matches(labels.Set(b.Labels)) || !set.only(through) || !b.DeletionTimestamp.IsZero() {
			continue
		}
		gone := b.DeepCopy()
		gone.DeletionTimestamp = &deleted
		o.Bindings[i], o.declared[b.UID] = gone, plan.Declared{Operation: plan.Delete}
	}
	return nil
}
