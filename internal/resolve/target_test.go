package resolve

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

func deployment(id, workspace string) astro.Target {
	return astro.Target{ID: id, Name: "etl", WorkspaceID: workspace}
}

func TestTarget(t *testing.T) {
	named := v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, Name: "etl", WorkspaceID: "w1"}
	narrowed := v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: "d1", WorkspaceID: "w1"}
	anywhere := v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: "d1"}
	cases := map[string]struct {
		reason string
		of     v1alpha1.TargetReference
		pinned string
		found  []astro.Target
		err    error
		want   string // the id, or the reason of the fault
		says   []string
	}{
		"One":          {"The one that is found is meant.", named, "", []astro.Target{deployment("d1", "w1")}, nil, "d1", nil},
		"Narrowed":     {"A Workspace narrows it down.", named, "", []astro.Target{deployment("d2", "w2"), deployment("d1", "w1")}, nil, "d1", nil},
		"Elsewhere":    {"One in another Workspace is not meant.", named, "", []astro.Target{deployment("d2", "w2")}, nil, "TargetNotFound", []string{`Deployment "etl" in Workspace w1`}},
		"ByID":         {"Without a Workspace any is.", anywhere, "", []astro.Target{deployment("d1", "w2")}, nil, "d1", nil},
		"Remade":       {"Of one that is gone with its Workspace, what it was.", named, "d0", nil, nil, "TargetNotFound", []string{"it was d0", "recreate the binding"}},
		"RemadeOwn":    {"A Workspace is in no other.", v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: "lab"}, "w0", nil, nil, "TargetNotFound", []string{"it was w0", "made again under another name"}},
		"None":         {"None is told, by what the user wrote.", anywhere, "", nil, nil, "TargetNotFound", []string{`Deployment "d1"`, "check spec.target"}},
		"Moved":        {"A name that was found stays with its target, wherever that is.", named, "d1", []astro.Target{deployment("d1", "w2")}, nil, "d1", nil},
		"MovedAway":    {"Of an id that is in another Workspace than declared, that is told.", narrowed, "d1", []astro.Target{deployment("d1", "w2")}, nil, "TargetNotFound", []string{`"d1" is in Workspace w2, not in w1`}},
		"Several":      {"Of several, the ids are told.", named, "", []astro.Target{deployment("d3", "w1"), deployment("d1", "w1")}, nil, "TargetAmbiguous", []string{"d1, d3", "recreate the binding with spec.target.id"}},
		"NotLookedUp":  {"What could not be looked up says nothing of the target.", named, "", nil, errors.New("down"), "Unreachable", []string{"look up Deployment", "down"}},
		"ErrorOverAll": {"Not even if something came with it.", named, "", []astro.Target{deployment("d1", "w1")}, astro.ErrIncomplete, "ListIncomplete", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := append([]astro.Target(nil), c.found...)
			target, f := Target(c.of, c.pinned, c.found, c.err, "the binding")
			got, message := "", ""
			if target != nil {
				got = target.ID
			}
			if f != nil {
				got, message = f.Reason, f.Message
			}
			if got != c.want {
				t.Fatalf("%s\nwant %q, got %q: %s", c.reason, c.want, got, message)
			}
			for _, words := range c.says {
				if !strings.Contains(message, words) {
					t.Errorf("%s\nwant %q in %q", c.reason, words, message)
				}
			}
			if diff := cmp.Diff(before, c.found); diff != "" {
				t.Errorf("what was found belongs to somebody else: %s", diff)
			}
		})
	}
}

func TestTargetQuery(t *testing.T) {
	of := v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, Name: "etl", WorkspaceID: "w1"}
	for id, want := range map[string]astro.TargetQuery{
		"":   {Kind: astro.EntityDeployment, Name: "etl", WorkspaceID: "w1"},
		"d1": {Kind: astro.EntityDeployment, ID: "d1"}, // a name may be another target's by now
	} {
		if got := TargetQuery(of, id); got != want {
			t.Errorf("id %q: want %+v, got %+v", id, want, got)
		}
	}
}

func TestListed(t *testing.T) {
	ids := []string{"g", "f", "e", "d", "c", "b", "a"}
	if got := Listed(ids); got != "a, b, c, d, e and 2 more" || ids[0] != "g" {
		t.Errorf("many ids are cut short, and left as they are: %q, %v", got, ids)
	}
	if got := Listed([]string{"b", "a"}); got != "a, b" {
		t.Errorf("few are not: %q", got)
	}
}
