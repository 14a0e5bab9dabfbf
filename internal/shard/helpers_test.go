package shard

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const handover = 15 * time.Second

var (
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	// shares are selectors of which every set of labels satisfies exactly one.
	shares = []string{"shard=a", "shard=b", "shard notin (a, b)"}
)

// clock is the time of a test.
type clock struct{ now time.Time }

func (c *clock) tick(d time.Duration) { c.now = c.now.Add(d) }

func tracker(t *testing.T, selector string, c *clock) *Tracker {
	t.Helper()
	s, err := labels.Parse(selector)
	if err != nil {
		t.Fatal(err)
	}
	return NewTracker(Options{Selector: s, Handover: handover, Clock: func() time.Time { return c.now }})
}

// conn is a connection of a namespace, or, without one, of the cluster.
func conn(namespace, name, organization, shard string, proven bool, age time.Duration) v1alpha1.Connection {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: metav1.NewTime(epoch.Add(-age))}
	if shard != "" {
		meta.Labels = map[string]string{"shard": shard}
	}
	spec := v1alpha1.ConnectionSpec{OrganizationID: v1alpha1.AstroID(organization), APIURL: "https://api.astronomer.io"}
	var status v1alpha1.ConnectionStatus
	if proven {
		status.CredentialTokenID = "clt-" + name
	}
	if namespace == "" {
		return &v1alpha1.ClusterAstroConnection{ObjectMeta: meta, Spec: spec, Status: status}
	}
	return &v1alpha1.AstroConnection{ObjectMeta: meta, Spec: spec, Status: status}
}

func org(id string) Organization { return Organization{Host: "api.astronomer.io", ID: id} }

// randomConn is a connection whose name, and with it the Organization, is one of few.
func randomConn(r *rand.Rand) v1alpha1.Connection {
	i := r.IntN(12)
	namespace := []string{"", "team-1", "team-2"}[i%3]
	organization := fmt.Sprintf("org-%d", i%4)
	shard := []string{"", "a", "b", "elsewhere"}[r.IntN(4)]
	return conn(namespace, fmt.Sprintf("c%d", i), organization, shard, r.IntN(2) == 0, time.Duration(r.IntN(3))*time.Hour)
}

// stageOf a connection, as the tracker has it now.
func stageOf(t *testing.T, tr *Tracker, c v1alpha1.Connection) Stage {
	t.Helper()
	_, done, turn := tr.Connection(t.Context(), KeyOf(c))
	done()
	return turn.Stage
}
