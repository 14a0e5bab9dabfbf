package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// namespaces is an API server that has these, and lists nothing else.
type namespaces struct {
	client.Reader

	names []string
	err   error
}

func (n namespaces) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	all, is := list.(*metav1.PartialObjectMetadataList)
	if !is || all.Kind != "NamespaceList" {
		return errors.New("something else is listed")
	}
	for _, name := range n.names {
		all.Items = append(all.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return n.err
}

func TestNamespacesThatAreNotThere(t *testing.T) {
	away := namespaces{err: errors.New("connection refused")}
	cases := map[string]struct {
		reason      string
		kube        namespaces
		watch, want []string
		err         string
	}{
		"All":     {"An operator for the whole cluster looks at no list.", away, nil, nil, ""},
		"There":   {"Each is there.", namespaces{names: []string{"c", "b", "a"}}, []string{"a", "b"}, []string{"a", "b"}, ""},
		"Missing": {"One that is gone does not keep the operator from the others.", namespaces{names: []string{"a", "c"}}, []string{"a", "b", "c"}, []string{"a", "c"}, ""},
		"None":    {"An empty list would be every namespace.", namespaces{names: []string{"c"}}, []string{"a", "b"}, []string{"a", "b"}, "make one of a, b"},
		"Away":    {"An API server that is away does not say that they are gone.", away, []string{"a"}, []string{"a"}, "connection refused"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := options{watchNamespaces: tc.watch}
			err := o.withoutMissing(t.Context(), tc.kube)
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s want an error with %q, got %v", tc.reason, tc.err, err)
			}
			if !slices.Equal(o.watchNamespaces, tc.want) {
				t.Errorf("%s want %v, got %v", tc.reason, tc.want, o.watchNamespaces)
			}
		})
	}
}

// later is an API server whose answers are one after the other.
type later struct {
	client.Reader

	answers []namespaces
}

func (l *later) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	now := l.answers[0]
	l.answers = l.answers[1:]
	return now.List(ctx, list, options...)
}

// TestEndsOnceANamespaceIsThere: a namespace that was left out is watched from the next start, which nobody has to ask for.
func TestEndsOnceANamespaceIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		without := namespaces{names: []string{"a"}}
		kube := &later{answers: []namespaces{without, without, {err: errors.New("connection refused")}, {names: []string{"a", "b"}}}}
		o := options{watchNamespaces: []string{"a", "b"}}
		if err := o.withoutMissing(t.Context(), kube); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err := missing{kube, o.missing, time.Minute}.Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), "namespace b ") || time.Since(began) != 3*time.Minute {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}
