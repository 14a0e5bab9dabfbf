package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

func TestReadinessOfALease(t *testing.T) {
	leases := schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	forbidden, none := apierrors.NewForbidden(leases, lease, errors.New("needs a label")), apierrors.NewNotFound(leases, lease)
	conflict := apierrors.NewConflict(leases, lease, errors.New("another was first"))
	read := func(holder string, err error) func(*refusals) {
		return func(r *refusals) { r.read([]byte(holder), err) }
	}
	write := func(err error) func(*refusals) { return func(r *refusals) { r.wrote(err) } }
	cases := map[string]struct {
		reason string
		events []func(*refusals)
		want   string
	}{
		"NotLooked":      {"Nobody knows yet whether it may be taken.", nil, "nothing is known"},
		"Away":           {"An API server that is away says nothing.", []func(*refusals){read("", errors.New("connection refused"))}, "nothing is known"},
		"Taken":          {"It leads.", []func(*refusals){read("", none), write(nil)}, ""},
		"Waits":          {"Another leads, which is as it should be.", []func(*refusals){read("other 1", nil)}, ""},
		"MayNotMake":     {"A policy refuses it.", []func(*refusals){read("", none), write(forbidden), read("", none)}, "needs a label"},
		"MayNotRead":     {"The Role lacks leases.", []func(*refusals){read("", forbidden)}, "needs a label"},
		"MayNotRenew":    {"A policy came later.", []func(*refusals){read("me", nil), write(nil), write(forbidden)}, "needs a label"},
		"MayNotTakeOver": {"It is over, and stays so.", []func(*refusals){read("old", nil), write(forbidden), read("old", nil)}, "needs a label"},
		"MayAgain":       {"The policy is gone.", []func(*refusals){read("", none), write(forbidden), write(nil)}, ""},
		"MayReadAgain":   {"The Role has leases now.", []func(*refusals){read("", forbidden), read("", none), write(nil)}, ""},
		"OtherTookIt":    {"Another may write it, and this one waits again.", []func(*refusals){read("old", nil), write(forbidden), read("other", nil)}, ""},
		"Conflict":       {"That another was first is no refusal, and ends none.", []func(*refusals){read("old", nil), write(forbidden), write(conflict)}, "needs a label"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := &fence{Interface: &lock{}}
			for _, happens := range tc.events {
				happens(&f.refused)
			}
			err := f.ready(nil)
			if (err == nil) != (tc.want == "") || err != nil && (!strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "the lease scopedtoken-system/lease")) {
				t.Errorf("%s want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
	if err := (*fence)(nil).ready(nil); err != nil {
		t.Errorf("a process that needs no lease waits for one: %v", err)
	}
}

func TestRefusedLeaseIsCounted(t *testing.T) {
	before, l := refusedLeases(t), &lock{err: apierrors.NewForbidden(schema.GroupResource{}, lease, errors.New("denied"))}
	f := &fence{Interface: l}
	if err := f.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "me"}); err == nil || f.ready(nil) == nil {
		t.Errorf("ready although the lease is refused: %v", err)
	}
	if n := refusedLeases(t) - before; n != 1 {
		t.Errorf("counted %v times", n)
	}
}

func refusedLeases(t *testing.T) float64 {
	t.Helper()
	const name = "scopedtoken_kubernetes_refusals_total"
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == "lease" {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("%s has no series of the lease", name)
	return 0
}

// unreadyWithout expects of a manager that a policy refuses its lease that it gets ready no sooner than the policy goes: a rollout has
// to stop there, and not go on to a Pod that does nothing.
func unreadyWithout(t *testing.T, probes string, lift func()) {
	t.Helper()
	eventually(t, "told of the policy", func() bool {
		text, _ := environment.Text("http://"+probes+"/readyz/lease", "")
		return strings.Contains(text, "every object needs an owner")
	})
	eventually(t, "with its caches filled", func() bool { return environment.Status("http://"+probes+"/readyz/caches", "") == http.StatusOK })
	if status := environment.Status("http://"+probes+"/readyz", ""); status != http.StatusInternalServerError {
		t.Errorf("without its lease it answers %d to whoever asks whether it is ready", status)
	}
	lift()
}

// refuseLeases makes a policy that refuses every lease in the namespace default, and waits until it does.
func refuseLeases(t *testing.T, kube client.Client) (lift func()) {
	t.Helper()
	forbidden := metav1.StatusReasonForbidden
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "owners"},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			Validations: []admissionv1.Validation{{Expression: "false", Message: "every object needs an owner", Reason: &forbidden}},
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "default"}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{"coordination.k8s.io"}, APIVersions: []string{"*"}, Resources: []string{"leases"}},
				}}},
			},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "owners"},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: "owners", ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	for _, o := range []client.Object{policy, binding} {
		if err := kube.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "refused a lease", func() bool {
		probe := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "probe"}}
		return apierrors.IsForbidden(kube.Create(t.Context(), probe, client.DryRunAll))
	})
	return func() {
		if err := kube.Delete(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
	}
}
