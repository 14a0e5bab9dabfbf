package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

const (
	// attackedMemoryGoal is what the operator may have resident at most, in MiB, whatever it is made to read.
	attackedMemoryGoal = 200
	// large objects are so many, each with an annotation of so many bytes.
	largeObjects, largeAnnotation = 600, 250_000
	// largeAnswer is how many bytes a listing has that means harm, once it is decompressed.
	largeAnswer = 250 << 20
)

// attackedMemory measures what the operator keeps in memory that tenants and Astro make it read.
func (b *bench) attackedMemory(ctx context.Context) error {
	fmt.Fprintln(b.figures.out, "# memory under attack")
	return errors.Join(
		b.within(ctx, func(w *world) error { return w.largeObjects(ctx) }),
		b.within(ctx, func(w *world) error { return w.largeAnswers(ctx) }),
	)
}

// largeObjects makes bindings with large annotations, once while the operator runs and once before it starts.
func (w *world) largeObjects(ctx context.Context) error {
	org, err := w.newOrganization(size{10, 10})
	if err != nil {
		return err
	}
	t, err := w.newTenant(ctx, "attacker", org)
	if err != nil {
		return err
	}
	if err := try(func() error { return w.start(ctx) }, func() error { return t.connected(ctx) }); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(w.seed, largeObjects))
	names := make([]int, largeObjects)
	for i := range names {
		names[i] = i
	}
	err = parallel(ctx, names, workers/4, func(ctx context.Context, i int) error {
		object := t.nobodys(i).Through(builders.ConnectionName).Annotated("example.com/note", letters(random.Uint64())).Object()
		return t.kube.Create(ctx, object)
	})
	if err != nil {
		return err
	}
	if _, err := w.rest(ctx); err != nil {
		return err
	}
	if err := w.printPeak("attack_annotations_running_rss_peak_mib"); err != nil {
		return err
	}
	w.stop()
	if err := try(func() error { return w.start(ctx) }, func() error { return t.connected(ctx) }); err != nil {
		return err
	}
	return w.printPeak("attack_annotations_restart_rss_peak_mib")
}

// letters are so random that they are as large in any encoding.
func letters(seed uint64) string {
	random := rand.New(rand.NewPCG(seed, 0))
	var s strings.Builder
	for range largeAnnotation {
		s.WriteByte(byte('a' + random.IntN(26)))
	}
	return s.String()
}

// largeAnswers lets Astro, or what stands in its place, answer with listings that are small on the wire and have no end.
func (w *world) largeAnswers(ctx context.Context) error {
	org, err := w.newOrganization(size{10, 10})
	if err != nil {
		return err
	}
	var hostile atomic.Bool
	var served atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if hostile.Load() && strings.HasSuffix(r.URL.Path, "/tokens") {
			bomb(out, int(served.Add(1)))
			return
		}
		org.sim.ServeHTTP(out, r)
	}))
	defer front.Close()
	w.hosts = append(w.hosts, strings.TrimPrefix(front.URL, "http://"))
	t := &tenant{world: w, namespace: "attacked", org: org}
	if err := try(
		func() error { return w.makeNamespace(ctx, t.namespace) },
		func() error {
			return w.create(ctx, builders.Secret(t.namespace, builders.SecretName, org.secret),
				builders.Connection(builders.ConnectionName).In(t.namespace).To(front.URL, org.id).SweepEvery(quickSweep).Object())
		},
		func() error { return w.start(ctx) },
		func() error { return t.connected(ctx) },
	); err != nil {
		return err
	}
	hostile.Store(true)
	if err := poll(ctx, seldom, 2*time.Minute, func() (bool, error) { return served.Load() >= 2*int64(len(bombs)), nil }); err != nil {
		return err
	}
	hostile.Store(false)
	return w.printPeak("attack_listings_rss_peak_mib", fmt.Sprintf("listings=%d", served.Load()))
}

// bombs are what rows are made of: one that is never over, rows without number, roles that are next to nothing, and rows as
// large as may be.
var bombs = []struct{ begin, again string }{
	{`{"totalCount":1,"tokens":[{"id":"t1","name":"`, strings.Repeat("x", 1<<20)},
	{`{"totalCount":1000000,"tokens":[{"id":"t"}`, strings.Repeat(`,{"id":"t"}`, 1<<16)},
	{`{"totalCount":1,"tokens":[{"id":"t1","roles":[{}`, strings.Repeat(",{}", 1<<18)},
	{`{"totalCount":1000,"tokens":[{"id":"t"}`, `,{"id":"t1","roles":[` + strings.Repeat("{},", 1<<17) + `{}]}`},
}

func bomb(out http.ResponseWriter, n int) {
	out.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(out, gzip.BestSpeed)
	b := bombs[n%len(bombs)]
	_, err := z.Write([]byte(b.begin))
	for sent := 0; sent < largeAnswer && err == nil; sent += len(b.again) {
		_, err = z.Write([]byte(b.again))
	}
	_ = z.Close() // whoever reads may have had enough
}

func (w *world) printPeak(name string, notes ...string) error {
	u, err := w.operator.usage()
	if err == nil {
		w.figures.print(figure{name: name, value: u.peak, unit: "MiB", goal: new(float64(attackedMemoryGoal)), notes: append(notes, "now="+number(u.memory))})
	}
	return err
}
