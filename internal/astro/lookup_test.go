package astro

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestProveGone(t *testing.T) {
	cases := map[string]struct {
		reason string
		gone   bool
		err    error
		happen func(w *world, d *Directory)
	}{
		"gone":  {"404, and not in a trusted listing", true, nil, func(w *world, _ *Directory) { w.DeleteToken(w.ci) }},
		"there": {"it is there", false, nil, func(*world, *Directory) {}},
		"404 but listed": {"a 404 alone proves nothing", false, nil, func(w *world, _ *Directory) {
			w.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: "tokens.get"})
		}},
		"absent but there": {"absence alone proves nothing", false, nil, func(w *world, _ *Directory) { w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.ci}}) }},
		"403": {"a 403 least of all", false, nil, func(w *world, _ *Directory) {
			w.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: "tokens.get"})
			w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.ci}})
		}},
		"401": {"nor a refused credential", false, ErrUnauthorized, func(w *world, _ *Directory) { w.RevokeCredential(w.self) }},
		"500": {"nor an outage", false, ErrUnreachable, func(w *world, _ *Directory) {
			w.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: "tokens.get"})
		}},
		"downgraded": {"nor what a credential that lost its rights does not see", false, nil, func(w *world, _ *Directory) { w.DowngradeCredential(w.self, "ORGANIZATION_MEMBER") }},
		"self hidden": {"nor a listing without the credential's own token", false, nil, func(w *world, _ *Directory) {
			w.DeleteToken(w.ci)
			w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.self}})
		}},
		"no roles": {"nor one that shows no roles", false, nil, func(w *world, _ *Directory) {
			w.DeleteToken(w.ci)
			w.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles})
		}},
		"incomplete": {"nor one that is not complete", false, ErrIncomplete, func(w *world, _ *Directory) {
			w.DeleteToken(w.ci)
			w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: []string{w.self}, KeepTotal: true})
		}},
		"shrunk": {"nor one that shrank suddenly", false, nil, func(w *world, _ *Directory) {
			w.DeleteToken(w.ci)
			w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: listed(w)})
		}},
		"read meanwhile": {"nor when somebody has just read it", false, nil, func(w *world, d *Directory) {
			now, _ := w.client.GetToken(context.Background(), w.ci)
			w.DeleteToken(w.ci)
			d.Record(now, time.Now().Add(time.Hour))
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			w.crowd(30)
			d := w.directory()
			refreshed(t, d, listedIDs(t, d)...)
			c.happen(w, d)
			gone, why, err := d.ProveGone(t.Context(), w.ci)
			if gone != c.gone || !errors.Is(err, c.err) || gone == (why != "") {
				t.Errorf("%s: gone %t, %q, %v", c.reason, gone, why, err)
			}
			if _, listed, _ := d.Token(t.Context(), w.ci); gone && listed {
				t.Errorf("%s: still listed", c.reason)
			}
		})
	}
}

// listed are the crowd's first four tokens.
func listed(w *world) []string {
	var ids []string
	for _, token := range w.Tokens(w.org)[2:6] {
		ids = append(ids, token.ID)
	}
	return ids
}

// TestProofUsesAListingOfItsOwnTime: one that began before the call may have read the token before it was deleted, or
// have missed it before it was made.
func TestProofUsesAListingOfItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{Latency: time.Second})
		d := w.directory()
		refreshed(t, d, w.self, w.ci)
		go func() { _, _ = d.Refresh(t.Context()) }()
		time.Sleep(100 * time.Millisecond)
		w.SetLatency(0)
		w.DeleteToken(w.ci)
		var wg sync.WaitGroup
		before := w.Counts().ByEndpoint["tokens.list"]
		for range 20 {
			wg.Go(func() {
				if gone, why, err := d.ProveGone(t.Context(), w.ci); !gone || err != nil {
					t.Errorf("not proven: %s, %v", why, err)
				}
			})
		}
		wg.Wait()
		if n := w.Counts().ByEndpoint["tokens.list"] - before; n != 2 {
			t.Errorf("%d listings ended: the one under way and one for all proofs make 2", n)
		}
	})
}

func TestProofsDoNotWearDistrustDown(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.crowd(30)
	d := w.directory()
	refreshed(t, d, listedIDs(t, d)...)
	w.DeleteToken(w.ci)
	w.Inject(astrosim.Fault{Kind: astrosim.FaultHide, IDs: listed(w)})
	for range 10 {
		if gone, _, err := d.ProveGone(t.Context(), w.ci); gone || err != nil {
			t.Fatalf("believed after a few listings in a row, %v", err)
		}
	}
	for range shrinkSweeps {
		if _, err := d.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if gone, why, err := d.ProveGone(t.Context(), w.ci); !gone || err != nil {
		t.Errorf("after three sweeps: %s, %v", why, err)
	}
}
