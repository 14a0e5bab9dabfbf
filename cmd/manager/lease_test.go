package main

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/measure"
)

// TestLeaseOfAStranger has somebody who is no replica write the lease as if it was his for ever.
func TestLeaseOfAStranger(t *testing.T) {
	env, kube := apiServer(t)
	now := metav1.NewMicroTime(time.Now().Add(24 * time.Hour))
	hostage := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: lease},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: new("stranger"), LeaseDurationSeconds: new(int32(1 << 30)), AcquireTime: &now, RenewTime: &now, LeaseTransitions: new(int32(1)),
		},
	}
	if err := kube.Create(t.Context(), hostage); err != nil {
		t.Fatal(err)
	}
	told, began := testutil.ToFloat64(measure.AlteredLeases), time.Now()
	o := options{leaderElect: true, operatorNamespace: "default", lease: lease}
	f, err := o.fence(access(env.Config))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	leads := make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: f, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { close(leads) }, OnStoppedLeading: func() {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	go elector.Run(ctx)
	select {
	case <-leads:
	case <-time.After(4 * leaseDuration):
		t.Fatal("the stranger keeps the lease")
	}
	if took := time.Since(began); took < leaseDuration {
		t.Errorf("a lease is taken that may be held: after %s", took)
	}
	if n := testutil.ToFloat64(measure.AlteredLeases) - told; n != 1 {
		t.Errorf("one record of a stranger is counted as %v", n)
	}
}

// TestLeaseLastsAsLongAsAReplicaRenewsIt is about records that would have two replicas work at once, or none.
func TestLeaseLastsAsLongAsAReplicaRenewsIt(t *testing.T) {
	const usual = int(leaseDuration / time.Second)
	for name, tc := range map[string]struct {
		reason      string
		given, want int
		holder      string
		odd         float64
	}{
		"Usual":    {"Each replica writes this.", usual, usual, "other", 0},
		"Forever":  {"Nobody holds a lease for as long as he says.", 1 << 30, usual, "other", 1},
		"Over":     {"A lease that is held is not over because somebody writes so.", 0, usual, "other", 1},
		"Released": {"One that was given back may be taken at once.", 1, 1, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fence{Interface: &lock{record: resourcelock.LeaderElectionRecord{HolderIdentity: tc.holder, LeaseDurationSeconds: tc.given}}}
			before := testutil.ToFloat64(measure.AlteredLeases)
			for range 2 {
				r, _, err := f.Get(t.Context())
				if err != nil || r.LeaseDurationSeconds != tc.want {
					t.Errorf("%s\ngot %+v, %v", tc.reason, r, err)
				}
			}
			if n := testutil.ToFloat64(measure.AlteredLeases) - before; n != tc.odd {
				t.Errorf("%s\ncounted %v times", tc.reason, n)
			}
		})
	}
}

// TestLeaseOfAClockAhead: a replica whose clock is ahead renews its lease every few seconds, and is told of once.
func TestLeaseOfAClockAhead(t *testing.T) {
	l := &lock{record: resourcelock.LeaderElectionRecord{HolderIdentity: "ahead", LeaseDurationSeconds: int(leaseDuration / time.Second)}}
	f, before := &fence{Interface: l}, testutil.ToFloat64(measure.AlteredLeases)
	for n := range 3 {
		l.record.RenewTime = metav1.NewTime(time.Now().Add(time.Hour + time.Duration(n)*time.Second))
		if _, _, err := f.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := testutil.ToFloat64(measure.AlteredLeases) - before; n != 1 {
		t.Errorf("counted %v times", n)
	}
}
