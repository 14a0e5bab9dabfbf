package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lock is a lease that can be renewed or not.
type lock struct {
	resourcelock.Interface

	err    error
	record resourcelock.LeaderElectionRecord
}

func (l *lock) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	r := l.record
	return &r, []byte(r.HolderIdentity), nil
}

func (l *lock) Update(context.Context, resourcelock.LeaderElectionRecord) error { return l.err }
func (l *lock) Identity() string                                                { return "me" }
func (l *lock) Describe() string                                                { return "scopedtoken-system/lease" }

func TestFence(t *testing.T) {
	l, mine := &lock{}, resourcelock.LeaderElectionRecord{HolderIdentity: "me"}
	f := &fence{Interface: l}
	if f.check() == nil {
		t.Error("open before the lease is held")
	}
	if err := f.Update(t.Context(), mine); err != nil || f.check() != nil {
		t.Errorf("shut after the lease was renewed: %v, %v", err, f.check())
	}
	f.renewed.Store(new(time.Now().Add(-renewDeadline - time.Second)))
	if f.check() == nil {
		t.Error("open although the lease was not renewed for long")
	}
	asleep := time.Now().Round(0).Add(-time.Hour) // as the clock on the wall has it
	f.renewed.Store(&asleep)
	if f.check() == nil {
		t.Error("open after an hour of sleep")
	}
	if err := f.Update(t.Context(), mine); err != nil || f.check() != nil {
		t.Errorf("shut after the lease was renewed again: %v, %v", err, f.check())
	}
	if err := f.Update(t.Context(), resourcelock.LeaderElectionRecord{}); err != nil || f.check() == nil {
		t.Errorf("open although the lease was given back: %v", err)
	}
	l.err = errors.New("another holds it")
	if err := f.Update(t.Context(), mine); !errors.Is(err, l.err) || f.check() == nil {
		t.Errorf("open although the lease could not be renewed: %v", err)
	}
	if err := (*fence)(nil).check(); err != nil {
		t.Errorf("shut without leader election: %v", err)
	}
}
