package main

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func TestMayRemove(t *testing.T) {
	p := place{"clt1", "DEPLOYMENT", "cld1"}
	binding := func(uid, token, target string) v1alpha1.ScopedTokenBinding {
		b := builders.Binding(uid).ForTokenID(token).OnDeployment(target).Object()
		b.UID = types.UID(uid)
		return *b
	}
	found := binding("by-name", "", "")
	found.Status.Token.ID, found.Status.Target.ID = p.token, p.target
	speaks, other := binding("speaks", p.token, p.target), binding("other", p.token, "cld2")
	cases := map[string]struct {
		role           string
		before, during []v1alpha1.ScopedTokenBinding
		want           bool
	}{
		"confirmed":               {role: "DEPLOYMENT_ADMIN", want: true},
		"another role":            {role: "Deploy Only"},
		"a binding spoke of it":   {role: "DEPLOYMENT_ADMIN", before: []v1alpha1.ScopedTokenBinding{speaks}, during: []v1alpha1.ScopedTokenBinding{speaks}},
		"one whose status does":   {role: "DEPLOYMENT_ADMIN", before: []v1alpha1.ScopedTokenBinding{found}, during: []v1alpha1.ScopedTokenBinding{found}},
		"one that is gone":        {role: "DEPLOYMENT_ADMIN", before: []v1alpha1.ScopedTokenBinding{speaks}, want: true},
		"one that came meanwhile": {role: "DEPLOYMENT_ADMIN", during: []v1alpha1.ScopedTokenBinding{speaks}, want: true},
		"one of another place":    {role: "DEPLOYMENT_ADMIN", before: []v1alpha1.ScopedTokenBinding{other}, during: []v1alpha1.ScopedTokenBinding{other}, want: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f, i := newFacts(), &v1alpha1.TargetInventory{}
			i.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: v1alpha1.AstroID(p.target)}
			i.Status.Removals = []v1alpha1.Removal{{ID: p.token, Role: "DEPLOYMENT_ADMIN"}}
			f.confirmRemovals(i, c.before)
			if got := f.mayRemove(p, c.role, c.during); got != c.want {
				t.Errorf("got %t", got)
			}
			if f.mayRemove(place{"clt2", p.kind, p.target}, c.role, nil) {
				t.Error("nobody has confirmed it for another token")
			}
		})
	}
}
