package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestDepartures(t *testing.T) {
	key := client.ObjectKey{Namespace: "a", Name: "b"}
	const old, fresh = types.UID("uid-old"), types.UID("uid-fresh")
	cases := map[string]struct {
		reason string
		do     func(*departures)
		want   bool
	}{
		"Deleted": {
			reason: "The DELETE event arrived.",
			do: func(d *departures) {
				d.vanish(old)
				d.show(1, watch.Deleted, key, sighting{old, true})
			},
			want: true,
		},
		"DeletedForProcessBefore": {
			reason: "The process that got the DELETE event was killed.",
			do: func(d *departures) {
				d.vanish(old)
				d.show(0, watch.Deleted, key, sighting{old, true})
			},
		},
		"Gap": {
			reason: "The object is missing from the listing after the gap, and nothing else tells of it.",
			do: func(d *departures) {
				d.show(1, watch.Added, key, sighting{old, true})
				d.vanish(old)
			},
		},
		"Replaced": {
			reason: "Another object has the name of one that the process knew to have a claim.",
			do: func(d *departures) {
				d.show(1, watch.Added, key, sighting{old, true})
				d.vanish(old)
				d.show(1, watch.Modified, key, sighting{fresh, false})
			},
			want: true,
		},
		"ReplacedUnclaimed": {
			reason: "The process never saw the claim of the object that was replaced.",
			do: func(d *departures) {
				d.show(1, watch.Added, key, sighting{old, false})
				d.vanish(old)
				d.show(1, watch.Modified, key, sighting{fresh, false})
			},
		},
		"ReplacedUnseen": {
			reason: "Another process knew the object that was replaced.",
			do: func(d *departures) {
				d.show(0, watch.Added, key, sighting{old, true})
				d.vanish(old)
				d.show(1, watch.Added, key, sighting{fresh, false})
			},
		},
		"Journalled": {
			reason: "An entry that is cleared next says no more than the status.",
			do: func(d *departures) {
				d.setPage("page", `{"uid-old":"…"}`)
				d.vanish(old)
				d.setPage("page", `{}`)
			},
		},
		"JournalledLater": {
			reason: "The journal named the object as leaving after it had vanished.",
			do: func(d *departures) {
				d.vanish(old)
				d.setPage("page", `{"uid-old":"…"}`)
			},
			want: true,
		},
		"JournalledToStay": {
			reason: "The process knows no more than an entry that is older than the wish to revoke.",
			do: func(d *departures) {
				d.vanish(old)
				d.setPage("page", `{\"uid\":\"uid-old\",\"retain\":true},{\"uid\":\"uid-other\"}`)
			},
		},
		"JournalledBesideOneToStay": {
			reason: "The entry that says that the role is to stay is another binding's.",
			do: func(d *departures) {
				d.vanish(old)
				d.setPage("page", `{\"uid\":\"uid-old\"},{\"uid\":\"uid-other\",\"retain\":true}`)
			},
			want: true,
		},
		"JournalledBeforeAnEdit": {
			reason: "An entry of the role that was there before tells nothing of the one that an edit asked for.",
			do: func(d *departures) {
				d.vanish(old)
				d.setPage("page", `{\"uid\":\"uid-old\",\"role\":\"EARLIER\"}`)
			},
		},
		"JournalledWithTheRole": {
			reason: "The entry speaks of the role that is there.",
			do: func(d *departures) {
				d.vanish(old)
				d.setPage("page", `{\"uid\":\"uid-old\",\"role\":\"R\"}`)
			},
			want: true,
		},
		"JournalledAsLeaving": {
			reason: "What leaves is revoked, whatever role it has by now.",
			do: func(d *departures) {
				d.vanish(old)
				d.setPage("page", `{"uid":"uid-old","role":"EARLIER","leaving":true}`)
			},
			want: true,
		},
		"ClearedBefore": {
			reason: "The entry was cleared before the object vanished.",
			do: func(d *departures) {
				d.setPage("page", `{"uid-old":"…"}`)
				d.setPage("page", `{}`)
				d.vanish(old)
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d, idle := newDepartures(), newDepartures()
			d.begin(1)
			tc.do(d)
			if got := d.mustRevoke([]types.UID{old}, "R", 1); got != tc.want {
				t.Errorf("%s\nwant known=%t, got %t", tc.reason, tc.want, got)
			}
			tc.do(idle)
			if got := idle.mustRevoke([]types.UID{old}, "R", 1); got != (tc.want && len(idle.journalled) > 0) {
				t.Errorf("%s\nA process that is not at work yet knows what the journal says, got %t", tc.reason, got)
			}
		})
	}
}

func TestHeirs(t *testing.T) {
	first, heir := client.ObjectKey{Namespace: "a", Name: "b"}, client.ObjectKey{Namespace: "a", Name: "c"}
	cases := map[string]struct {
		reason string
		do     func(*departures)
		want   bool
	}{
		"HeirWentUnseen": {
			reason: "An heir had the role when the operator learned of the first, and vanished in a gap.",
			do: func(d *departures) {
				d.vanish("first")
				d.show(1, watch.Deleted, first, sighting{"first", true})
				d.vanish("heir")
			},
		},
		"HeirWentKnown": {
			reason: "The operator learned of the heir, too.",
			do: func(d *departures) {
				d.vanish("first")
				d.show(1, watch.Deleted, first, sighting{"first", true})
				d.vanish("heir")
				d.show(1, watch.Deleted, heir, sighting{"heir", true})
			},
			want: true,
		},
		"HeirWentBefore": {
			reason: "The heir was gone by the time the operator learned of the first.",
			do: func(d *departures) {
				d.vanish("first")
				d.vanish("heir")
				d.show(1, watch.Deleted, first, sighting{"first", true})
			},
			want: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDepartures()
			d.begin(1)
			tc.do(d)
			if got := d.mustRevoke([]types.UID{"first", "heir"}, "R", 1); got != tc.want {
				t.Errorf("%s\nwant it to be revoked: %t, got %t", tc.reason, tc.want, got)
			}
		})
	}
}

func TestPagesOf(t *testing.T) {
	one := `{"metadata":{"name":"page-1","managedFields":[{"x":"uid-9"}]},"data":{"uid-1":"x"},"binaryData":{"k":"dWlkLTI="}}`
	for answer, want := range map[string]map[string]string{
		one:                         {"page-1": `{"uid-1":"x"}uid-2`},
		`{"items":[` + one + `]}`:   {"page-1": `{"uid-1":"x"}uid-2`},
		`{"kind":"Status"}`:         {},
		`{"metadata":{"name":"p"}}`: {"p": ""},
	} {
		if diff := cmp.Diff(want, pagesOf([]byte(answer))); diff != "" {
			t.Errorf("%s: -want +got\n%s", answer, diff)
		}
	}
}
