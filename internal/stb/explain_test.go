package stb

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// told writes into the status of a binding what the operator says when it has looked.
func (w *world) told(b *v1alpha1.ScopedTokenBinding, change func(*v1alpha1.ScopedTokenBindingStatus)) {
	w.Helper()
	change(&b.Status)
	if err := kube.Status().Update(w.Context(), b); err != nil {
		w.Fatal(err)
	}
}

func ready(status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(today)}
}

func TestExplain(t *testing.T) {
	w := newWorld(t)
	first := builders.Binding("first").ForToken("CI deployer").OnDeployment(etlID).WithRole("Deploy Only").Object()
	w.declare(first, ciID, etlID)
	w.told(first, func(s *v1alpha1.ScopedTokenBindingStatus) {
		s.Origin = v1alpha1.OriginAdopted
		s.Conditions = append(s.Conditions, ready(metav1.ConditionTrue, v1alpha1.ReasonAdopted, ""))
	})
	w.prints("explain-alone.txt", "explain", "first")

	second := builders.Binding("second").In(w.namespace).ForTokenID(ciID).OnDeployment(etlID).Object()
	w.create(second)
	w.told(second, func(s *v1alpha1.ScopedTokenBindingStatus) {
		s.ObservedGeneration, s.Role, s.Target = second.Generation, "Deploy Only", v1alpha1.BoundTarget{ID: etlID, Name: "prod-etl", WorkspaceID: dataID}
		s.Conditions = []metav1.Condition{ready(metav1.ConditionFalse, v1alpha1.ReasonConflictingBinding, "another binding wants another role")}
	})
	w.prints("explain-conflict.txt", "explain", "second")
	w.prints("explain-conflict.yaml", "explain", "second", "-o", "yaml", "--runbook-url", "https://wiki.example/runbook")
	w.fails(`"nothing" not found`, "explain", "nothing")
	if n := w.sim.Counts().Total; n != 0 {
		t.Errorf("explain reads Kubernetes only, not Astro: %d calls", n)
	}
}

// The rule that allows a binding is named, and the stage at which the furthest one refuses it.
func TestExplainRules(t *testing.T) {
	w := newWorld(t)
	here := v1alpha1.NamespaceRule{Names: []string{w.namespace}}
	organization := []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{"*"}}}
	data := []v1alpha1.TargetRule{{WorkspaceIDs: []string{dataID}}}
	elsewhere := builders.Binding("elsewhere").In(w.namespace).ThroughCluster(w.namespace + "-shared").ForTokenID(ciID).OnDeployment(modelsID).WithRole("Deploy Only").Object()
	elsewhere.Spec.Target.WorkspaceID = dataID // it is in another
	w.create(builders.Connection(w.namespace).To(w.sim.URL(), orgID).Cluster(),
		builders.Connection(w.namespace+"-shared").To(w.sim.URL(), orgID).Allow(
			v1alpha1.AllowRule{Namespaces: here, Tokens: organization, Targets: data, Roles: []string{"WORKSPACE_MEMBER"}},
			v1alpha1.AllowRule{Namespaces: here, Tokens: organization, Targets: data, Roles: []string{"Deploy Only"}}).Cluster(),
		builders.Binding("allowed").In(w.namespace).ThroughCluster(w.namespace+"-shared").ForTokenID(ciID).OnDeploymentNamed(dataID, "prod-etl").WithRole("Deploy Only").Object(),
		builders.Binding("role").In(w.namespace).ThroughCluster(w.namespace+"-shared").ForTokenID(ciID).OnDeploymentNamed(dataID, "prod-etl").Object(),
		elsewhere,
		builders.Binding("stranger").In(w.namespace).ThroughCluster(w.namespace).ForTokenID(ciID).OnDeployment(etlID).Object(),
		builders.Binding("lost").In(w.namespace).ThroughCluster("nowhere").ForTokenID(ciID).OnDeployment(etlID).Object())
	for name, want := range map[string]string{
		"allowed": "spec.allow[1] of the connection allows it", "role": "none allows it (RoleNotAllowed)",
		"elsewhere": "not known, since the status does not say in which Workspace the Deployment is",
		"stranger":  "none allows it (NamespaceNotAllowed)",
		"lost":      "ClusterAstroConnection nowhere, which does not exist\nRule:        not known, because the connection does not exist\n",
	} {
		if a := w.run("explain", name); a.code != 0 || !strings.Contains(a.out, want) || !strings.Contains(a.out, "Wait until the operator has looked") {
			t.Errorf("%s: want %q in\n%s%s", name, want, a.out, a.err)
		}
	}
}

// What to do next follows from Ready, from a warning beside it, and from who observes.
func TestNext(t *testing.T) {
	made := func(change func(*v1alpha1.ScopedTokenBinding), conditions ...metav1.Condition) *v1alpha1.ScopedTokenBinding {
		b := builders.Binding("b").In("n").ForTokenID(ciID).OnDeployment(etlID).Object()
		b.Status.Conditions = conditions
		if change != nil {
			change(b)
		}
		return b
	}
	plans := func(b *v1alpha1.ScopedTokenBinding) { b.Status.PlannedChange = "add DEPLOYMENT_ADMIN" }
	observes := func(b *v1alpha1.ScopedTokenBinding) {
		plans(b)
		b.Spec.Mode = v1alpha1.ModeObserve
	}
	leaves := func(b *v1alpha1.ScopedTokenBinding) {
		b.Status.PlannedChange = "remove DEPLOYMENT_ADMIN"
		b.DeletionTimestamp = new(metav1.NewTime(today))
	}
	warning := metav1.Condition{
		Type: v1alpha1.ConditionWarning, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonTokenExpires, Message: "the token expires",
	}
	granted := ready(metav1.ConditionTrue, v1alpha1.ReasonGranted, "")
	wouldChange := ready(metav1.ConditionTrue, v1alpha1.ReasonWouldChange, "")
	enforcing, observing := builders.Connection("c").Object(), builders.Connection("c").Object()
	observing.Spec.Mode = v1alpha1.ModeObserve
	cases := map[string]struct {
		reason     string
		binding    *v1alpha1.ScopedTokenBinding
		connection v1alpha1.Connection
		want       string
	}{
		"Ready":   {"What is Ready needs nothing.", made(nil, granted), enforcing, "Nothing. "},
		"Warning": {"A warning is to be looked at.", made(nil, granted, warning), enforcing, "the token expires #tokenexpires"},
		"Unseen": {"What the operator has not looked at is waited for.", made(func(b *v1alpha1.ScopedTokenBinding) { b.Generation = 2 }, granted), enforcing,
			"Wait until the operator has looked; if it does not, see that it runs and serves this namespace. "},
		"Refused": {"What is not Ready says itself what to do.", made(nil, ready(metav1.ConditionFalse, v1alpha1.ReasonTokenNotAllowed, "ask")), enforcing,
			"ask #tokennotallowed"},
		"Expired": {"A binding that has expired is to have its role again, or to go.",
			made(nil, ready(metav1.ConditionTrue, v1alpha1.ReasonExpired, "")), enforcing,
			"Set a later spec.expiresAt to have the role again, or delete the binding. #expired"},
		"BindingObserves": {"The binding observes.", made(observes, wouldChange), enforcing,
			"Set mode: Enforce on the binding if that is what you want. #wouldchange"},
		"ConnectionObserves": {"The connection observes.", made(plans, wouldChange), observing,
			"Set mode: Enforce on the connection if that is what you want. #wouldchange"},
		"BothObserve": {"With one of the two set nothing would come of it.", made(observes, wouldChange), observing,
			"Set mode: Enforce on the binding and on the connection if that is what you want. #wouldchange"},
		"UnreadConnection": {"A binding in mode Enforce plans a change only where its connection observes.", made(plans, wouldChange), nil,
			"Set mode: Enforce on the connection if that is what you want. #wouldchange"},
		"ObservedWarning": {"A warning is told beside what Enforce would change.", made(observes, wouldChange, warning), enforcing,
			"Set mode: Enforce on the binding if that is what you want. Warning: the token expires #wouldchange"},
		"Deleted": {"A deletion that waits for its connection may be released instead.", made(leaves,
			ready(metav1.ConditionFalse, v1alpha1.ReasonWouldChange, "the connection is in mode Observe; or release it")), observing,
			"It is being deleted. the connection is in mode Observe; or release it #wouldchange"},
		"Withdrawn": {"Mode Enforce would take the role away, which is not what was wanted.", made(func(b *v1alpha1.ScopedTokenBinding) {
			b.Status.PlannedChange = "remove DEPLOYMENT_ADMIN"
		}, ready(metav1.ConditionFalse, v1alpha1.ReasonRoleNotAllowed, "ask")), observing, "ask #rolenotallowed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			words, section := next(tc.binding, tc.connection, "")
			if got := words + " " + section; got != tc.want {
				t.Errorf("%s\nwant %q\ngot  %q", tc.reason, tc.want, got)
			}
		})
	}
}

// Who is refused for its own sake has no say, whoever asks.
func TestOrderLeavesOutTheRefused(t *testing.T) {
	made := func(name, reason string) v1alpha1.ScopedTokenBinding {
		b := builders.Binding(name).In("n").ForTokenID(ciID).OnDeployment(etlID).WithRole("R").Object()
		b.UID = types.UID(name)
		if reason != "" {
			b.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionFalse, Reason: reason}}
		}
		return *b
	}
	unseen := made("d-unseen", v1alpha1.ReasonRoleNotAllowed)
	unseen.Generation = 2
	held := made("e-held", v1alpha1.ReasonRoleNotAllowed)
	held.Status.OrganizationID, held.Status.Token.ID, held.Status.Target.ID = orgID, ciID, etlID
	held.Status.Claim = &v1alpha1.Claim{UID: held.UID, State: v1alpha1.ClaimHeld, Host: "h", ClaimedAt: metav1.NewMicroTime(today)}
	all := []v1alpha1.ScopedTokenBinding{
		made("a-refused", v1alpha1.ReasonRoleNotAllowed), made("b-conflict", v1alpha1.ReasonConflictingBinding), made("c-wanted", ""), unseen, held,
	}
	for _, c := range []struct{ asked, want string }{
		{"c-wanted", "e-held b-conflict c-wanted d-unseen"},
		{"a-refused", "e-held a-refused b-conflict c-wanted d-unseen"},
	} {
		asked := slices.IndexFunc(all, func(b v1alpha1.ScopedTokenBinding) bool { return b.Name == c.asked })
		var names []string
		for _, line := range order(&all[asked], all) {
			_, name, _ := strings.Cut(strings.Fields(line)[1], "/")
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: want the order %s, got %s", c.asked, c.want, got)
		}
	}
}

// A claim whose API token may not write the role stands back for a binding whose role is there; where no other one is, it has the say.
func TestOrderOfWhoStandsBack(t *testing.T) {
	made := func(name string, status metav1.ConditionStatus, reason string, claimed time.Duration) v1alpha1.ScopedTokenBinding {
		b := builders.Binding(name).In("n").ForTokenID(ciID).OnDeployment(etlID).WithRole("R").Object()
		b.UID, b.Status.OrganizationID, b.Status.Token.ID, b.Status.Target.ID = types.UID(name), orgID, ciID, etlID
		b.Status.Claim = &v1alpha1.Claim{UID: b.UID, State: v1alpha1.ClaimHeld, Host: "h", ClaimedAt: metav1.NewMicroTime(today.Add(-claimed))}
		b.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSynced, Status: status, Reason: reason}}
		return *b
	}
	weak := made("weak", metav1.ConditionFalse, v1alpha1.ReasonPermissionDenied, 2)
	granted, other := made("granted", metav1.ConditionTrue, v1alpha1.ReasonGranted, 1), made("other", metav1.ConditionTrue, v1alpha1.ReasonGranted, 0)
	loser := made("loser", metav1.ConditionFalse, v1alpha1.ReasonConflictingBinding, 1)
	cases := map[string]struct {
		reason string
		all    []v1alpha1.ScopedTokenBinding // of which the first asks
		want   []string
	}{
		"Last":    {"Of itself it is the last.", []v1alpha1.ScopedTokenBinding{weak, granted, other}, []string{"granted", "other", "weak"}},
		"LeftOut": {"Of another one it is left out.", []v1alpha1.ScopedTokenBinding{other, weak, granted}, []string{"granted", "other"}},
		"First":   {"It keeps its place where nobody else has the say.", []v1alpha1.ScopedTokenBinding{loser, weak}, []string{"weak", "loser"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var names []string
			for _, line := range order(&tc.all[0], tc.all) {
				_, name, _ := strings.Cut(strings.Fields(line)[1], "/")
				names = append(names, name)
			}
			if !slices.Equal(names, tc.want) {
				t.Errorf("%s\nwant %v, got %v", tc.reason, tc.want, names)
			}
		})
	}
}

func TestPrecedence(t *testing.T) {
	made := func(name, role, held string, age time.Duration, claimed time.Duration) *v1alpha1.ScopedTokenBinding {
		b := builders.Binding(name).In("n").ForTokenID(ciID).OnDeployment(etlID).WithRole(role).Object()
		b.UID, b.CreationTimestamp, b.Status.Role = "u", metav1.NewTime(today.Add(-age)), held
		if claimed > 0 {
			b.Status.OrganizationID, b.Status.Token.ID, b.Status.Target.ID = orgID, ciID, etlID
			b.Status.Claim = &v1alpha1.Claim{UID: "u", State: v1alpha1.ClaimHeld, Host: "h", ClaimedAt: metav1.NewMicroTime(today.Add(-claimed))}
		}
		return b
	}
	cases := map[string]struct {
		reason        string
		first, second *v1alpha1.ScopedTokenBinding
	}{
		"Claimed":      {"A claim goes before none, whatever the age.", made("b", "R", "R", 0, 1), made("a", "R", "R", 2, 0)},
		"EarlierClaim": {"Of two claims the earlier.", made("b", "R", "R", 0, 2), made("a", "R", "R", 2, 1)},
		"SameClaim":    {"Of two claims of one moment the first by name.", made("a", "R", "R", 0, 1), made("b", "R", "R", 2, 1)},
		"RoleThere":    {"Without claims, whose role is there.", made("b", "R", "R", 0, 0), made("a", "S", "R", 2, 0)},
		"Older":        {"Then the older.", made("b", "R", "R", 2, 0), made("a", "R", "R", 1, 0)},
		"SameAge":      {"Then the first by name.", made("a", "R", "R", 1, 0), made("b", "R", "R", 1, 0)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if precedence(tc.first, tc.second) >= 0 || precedence(tc.second, tc.first) <= 0 {
				t.Error(tc.reason)
			}
		})
	}
}
