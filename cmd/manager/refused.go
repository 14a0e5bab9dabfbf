package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"sync"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
)

// refusals are how Kubernetes refuses the lease: by RBAC, a quota, or admission. Leader election tries again without end, and a
// process without the lease does nothing, so that readiness has to tell. Who merely waits for the lease is ready.
type refusals struct {
	mu              sync.Mutex
	reading, taking error  // nil where the last try was not refused
	seen            []byte // the lease as last read
	looked          bool   // at the lease, as it is or as this process has made it
}

// read takes in an attempt to read the lease. One that somebody has written meanwhile is another replica's, for which this one
// waits: whether it may write the lease itself shows when it is to take it.
func (r *refusals) read(lease []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reading = told("read", r.reading, client.IgnoreNotFound(err))
	if err != nil {
		return
	}
	r.looked = true
	if !bytes.Equal(lease, r.seen) {
		r.seen, r.taking = bytes.Clone(lease), nil
	}
}

// wrote takes in an attempt to take the lease, or to renew it.
func (r *refusals) wrote(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taking = told("write", r.taking, err)
	if err == nil {
		r.looked, r.reading = true, nil
	}
}

// told counts a refusal, and says it once. A failure that is none leaves what is known as it was.
func told(verb string, before, err error) error {
	switch {
	case err == nil:
		return nil
	case !refusal.Count(refusal.Lease, err):
		return before
	case before == nil:
		ctrl.Log.WithName("lease").Error(err, "Kubernetes refuses to let the operator "+verb+" its lease, without which it does nothing; give its service "+
			"account the Role of the installation, and exempt the lease from the policy or quota")
	}
	return err
}

// ready is the check of readiness, in the words of the API server.
func (f *fence) ready(*http.Request) error {
	if f == nil {
		return nil
	}
	f.refused.mu.Lock()
	defer f.refused.mu.Unlock()
	err := errors.Join(f.refused.reading, f.refused.taking)
	switch {
	case err != nil:
		return fmt.Errorf("the lease %s, without which nothing is done, is refused by Kubernetes: %w", f.Describe(), err)
	case !f.refused.looked:
		return fmt.Errorf("nothing is known of the lease %s yet; the log says what the API server answers", f.Describe())
	}
	return nil
}
