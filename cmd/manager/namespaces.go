package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// lookAgain is how long it is from one look at the namespaces to the next, while the caches are not filled.
const lookAgain = 5 * time.Second

// withoutMissing takes the names out of --watch-namespaces that no Namespace has. Nothing is declared there, no RoleBinding can be
// there, and to wait for one would keep the operator from all the others. An empty list would be every namespace, so that one of which
// nothing is left is an error.
func (o *options) withoutMissing(ctx context.Context, kube client.Reader) error {
	if len(o.watchNamespaces) == 0 {
		return nil
	}
	there, err := existing(ctx, kube)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(o.watchNamespaces), func(n string) bool { return !there[n] })
	if len(left) == 0 {
		return fmt.Errorf("no namespace of --watch-namespaces exists: make one of %s, with the RoleBindings of the installation",
			strings.Join(o.watchNamespaces, ", "))
	}
	for _, n := range o.watchNamespaces {
		if !there[n] {
			o.missing = append(o.missing, n)
			ctrl.Log.WithName("namespaces").Info("a namespace of --watch-namespaces does not exist and is left out; "+
				"once it does, the operator ends, to watch it from its next start; else take it out of the list", "namespace", n)
		}
	}
	o.watchNamespaces = left
	return nil
}

// existing are the names of all Namespaces.
func existing(ctx context.Context, kube client.Reader) (map[string]bool, error) {
	all := &metav1.PartialObjectMetadataList{}
	all.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := kube.List(ctx, all); err != nil {
		return nil, fmt.Errorf("look which of --watch-namespaces are there: %w", err)
	}
	there := map[string]bool{}
	for i := range all.Items {
		there[all.Items[i].Name] = true
	}
	return there, nil
}

// missing are the namespaces that were left out. Caches are made for a fixed list, so that the operator ends once one of them exists: the
// next start watches it.
type missing struct {
	kube  client.Reader
	names []string
	every time.Duration
}

// NeedLeaderElection says that every replica watches for itself.
func (m missing) NeedLeaderElection() bool { return false }

// Start looks until one exists, which is its error, or the context ends.
func (m missing) Start(ctx context.Context) error {
	for len(m.names) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(m.every):
		}
		there, err := existing(ctx, m.kube)
		if err != nil {
			continue // or the next time
		}
		for _, n := range m.names {
			if there[n] {
				return fmt.Errorf("namespace %s of --watch-namespaces exists by now: the operator ends, to watch it from its next start", n)
			}
		}
	}
	return nil
}

// sight is which of the watched namespaces the operator may not see. It waits for them: to go on as if nothing were declared there would be
// to guess.
type sight struct {
	mu      sync.Mutex
	refused []string
}

// look finds out, until the caches are filled, and says each namespace once.
func (s *sight) look(ctx context.Context, c cache.Cache, kube client.Reader, namespaces []string) {
	told := map[string]bool{}
	for ctx.Err() == nil && !synced(ctx, c, lookAgain) {
		var refused []string
		for _, n := range namespaces {
			err := mayList(ctx, kube, n)
			if !apierrors.IsForbidden(err) {
				continue
			}
			refused = append(refused, n)
			if !told[n] {
				told[n] = true
				ctrl.Log.WithName("namespaces").Error(err, "Kubernetes refuses to let the operator see a namespace of --watch-namespaces, "+
					"and it works in none before it may; "+missingRoleBinding, "namespace", n)
			}
		}
		s.mu.Lock()
		s.refused = refused
		s.mu.Unlock()
	}
}

const missingRoleBinding = "make the RoleBinding of the installation there again, or take the namespace out of the list"

// mayList is the API server's refusal to show what is kept of a namespace.
func mayList(ctx context.Context, kube client.Reader, namespace string) error {
	for _, list := range []client.ObjectList{&v1alpha1.ScopedTokenBindingList{}, &v1alpha1.AstroConnectionList{}, &v1alpha1.TargetInventoryList{}} {
		if err := kube.List(ctx, list, client.InNamespace(namespace), client.Limit(1)); err != nil {
			return err
		}
	}
	return nil
}

// filled is the check of readiness. Where the operator may not see what it is to work on, it waits: a rollout has to stop
// there, and not replace a Pod that works by one that never will.
func (s *sight) filled(c cache.Cache) func(*http.Request) error {
	return func(request *http.Request) error {
		if synced(request.Context(), c, time.Second/2) {
			return nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.refused) > 0 {
			return fmt.Errorf("the API server does not let the operator see these of --watch-namespaces: %s; %s",
				strings.Join(s.refused, ", "), missingRoleBinding)
		}
		return errors.New("the API server has not shown everything yet; the log says what it refuses")
	}
}

// synced reports whether the caches are filled, or get so in time.
func synced(ctx context.Context, c cache.Cache, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.WaitForCacheSync(ctx)
}
