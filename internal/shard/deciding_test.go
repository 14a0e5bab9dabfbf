package shard

import (
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

func TestDeciding(t *testing.T) {
	cases := map[string]struct {
		reason string
		all    []v1alpha1.Connection
		want   string // the name; "" if nobody decides
	}{
		"None": {
			reason: "Without a proven credential nobody decides for the Organization.",
			all:    []v1alpha1.Connection{conn("", "squatter", "o", "a", false, 2*time.Hour), conn("ns", "other", "o", "b", false, time.Hour)},
		},
		"Proven": {
			reason: "A connection that only names the Organization has no say, whatever its kind and age.",
			all:    []v1alpha1.Connection{conn("", "squatter", "o", "a", false, 2*time.Hour), conn("ns", "proven", "o", "b", true, time.Hour)},
			want:   "proven",
		},
		"Cluster": {
			reason: "An administrator's connection comes before the older one of a team.",
			all:    []v1alpha1.Connection{conn("ns", "team", "o", "a", true, 2*time.Hour), conn("", "platform", "o", "b", true, time.Hour)},
			want:   "platform",
		},
		"Oldest": {
			reason: "A connection that is made later moves nothing.",
			all:    []v1alpha1.Connection{conn("a", "later", "o", "a", true, time.Hour), conn("z", "earlier", "o", "b", true, 2*time.Hour)},
			want:   "earlier",
		},
		"Namespace": {
			reason: "Of connections applied together the name decides, so that every instance comes to the same answer.",
			all:    []v1alpha1.Connection{conn("b", "a", "o", "a", true, time.Hour), conn("a", "z", "o", "b", true, time.Hour)},
			want:   "z",
		},
		"Name": {
			reason: "In one namespace, too.",
			all:    []v1alpha1.Connection{conn("a", "z", "o", "a", true, time.Hour), conn("a", "b", "o", "b", true, time.Hour)},
			want:   "b",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			all := map[Key]connection{}
			for _, c := range tc.all {
				all[KeyOf(c)] = factsOf(c)
			}
			if got, found := deciding(all); got.key.Name != tc.want || found != (tc.want != "") {
				t.Errorf("%s\nwant %q, got %q, %v", tc.reason, tc.want, got.key.Name, found)
			}
		})
	}
}

func TestOrganizationsOfHosts(t *testing.T) {
	here, there := conn("", "here", "o", "", true, 0), conn("", "there", "o", "a", true, time.Hour)
	there.ConnectionSpec().APIURL = "https://api.example.com:8443"
	if got, want := factsOf(there).organization, (Organization{Host: "api.example.com:8443", ID: "o"}); got != want || factsOf(here).organization == got {
		t.Errorf("want %v apart from %v, got %v", want, factsOf(here).organization, got)
	}
}
