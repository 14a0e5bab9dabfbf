package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/measure"
)

// fence is the lease, and knows when it was last renewed. A process that was stopped for a while, or its machine with it,
// wakes in the belief that it leads, with what it knew and was about to do; it writes nothing before it has renewed the
// lease, and if another holds that by then, it ends.
type fence struct {
	resourcelock.Interface

	renewed atomic.Pointer[time.Time]
	refused refusals
	holder  string // when last seen
	odd     string // whose the last record was that no replica writes, and for how long
}

// Get implements resourcelock.Interface. How long a holder has the lease is not for the record to say: whoever may write it
// could keep every replica waiting for ever, or have two work at once. It is as long as each replica renews it for.
func (f *fence) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := f.Interface.Get(ctx)
	f.refused.read(raw, err)
	if err != nil || record == nil {
		return record, raw, err
	}
	logger := ctrl.Log.WithName("lease").WithValues("lease", f.Describe(), "holder", record.HolderIdentity)
	if record.HolderIdentity != f.holder && record.HolderIdentity != "" && record.HolderIdentity != f.Identity() {
		logger.Info("waiting for the lease, which another holds")
	}
	f.holder = record.HolderIdentity
	if record.HolderIdentity == "" { // it was given back
		return record, raw, nil
	}
	const usual = int(leaseDuration / time.Second)
	if ahead := time.Until(record.RenewTime.Time); record.LeaseDurationSeconds != usual || ahead > leaseDuration {
		if odd := fmt.Sprint(record.HolderIdentity, record.LeaseDurationSeconds); f.odd != odd { // once, and not for each time that it is renewed
			f.odd = odd
			measure.AlteredLeases.Inc()
			logger.Info("the lease was written by somebody who is no replica of the operator, or whose clock is ahead; it is taken once it was not "+
				"written for a while", "leaseDurationSeconds", record.LeaseDurationSeconds, "renewTime", record.RenewTime.Time, "after", leaseDuration.String())
		}
	}
	record.LeaseDurationSeconds = usual
	return record, raw, nil
}

// fence makes the lock of the lease; nil where there is no leader election.
func (o *options) fence(config *rest.Config) (*fence, error) {
	if !o.leaderElect {
		return nil, nil //nolint:nilnil // no lease is no fence
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name this process: %w", err)
	}
	me := resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID())}
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, o.operatorNamespace, o.lease, me, config, renewDeadline)
	if err != nil {
		return nil, fmt.Errorf("make the lock of the lease: %w", err)
	}
	return &fence{Interface: lock}, nil
}

// Create implements resourcelock.Interface.
func (f *fence) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return f.renew(func() error { return f.Interface.Create(ctx, r) })
}

// Update implements resourcelock.Interface. A lease that is given back, at the end of the process, is a lease no more,
// though not everything may have stopped by then.
func (f *fence) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	if r.HolderIdentity != f.Identity() {
		f.renewed.Store(nil)
		return f.Interface.Update(ctx, r)
	}
	return f.renew(func() error { return f.Interface.Update(ctx, r) })
}

func (f *fence) renew(write func() error) error {
	began := time.Now()
	err := write()
	f.refused.wrote(err)
	if err == nil {
		f.renewed.Store(&began)
	}
	return err
}

// check says why nothing may be written to Astro: the lease is as old as it may get before it is given up. What is written
// until then has ended when another may take it.
func (f *fence) check() error {
	if f == nil {
		return nil
	}
	last := f.renewed.Load()
	if last == nil {
		return fmt.Errorf("the lease %s is not held", f.Describe())
	}
	now := time.Now()
	// Only one of the two clocks goes on while a machine sleeps.
	if age := max(now.Sub(*last), now.Round(0).Sub(last.Round(0))); age > renewDeadline {
		return fmt.Errorf("the lease %s was last renewed %s ago", f.Describe(), age.Round(time.Second))
	}
	return nil
}
