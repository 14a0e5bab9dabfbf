package ref

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

func TestKeyFor(t *testing.T) {
	own := Key{Kind: v1alpha1.KindAstroConnection, Namespace: "data", Name: "acme"}
	cluster := Key{Kind: v1alpha1.KindClusterAstroConnection, Name: "acme"}
	cases := map[string]struct {
		reason       string
		to           v1alpha1.ConnectionReference
		of           v1alpha1.Connection
		want         Key
		value, words string
		object       client.ObjectKey
	}{
		"Namespaced": {
			reason: "An AstroConnection is in the namespace of what refers to it.",
			to:     v1alpha1.ConnectionReference{Kind: v1alpha1.KindAstroConnection, Name: "acme"},
			of:     &v1alpha1.AstroConnection{ObjectMeta: metav1.ObjectMeta{Namespace: "data", Name: "acme"}},
			want:   own, value: "AstroConnection/data/acme", words: "AstroConnection data/acme", object: client.ObjectKey{Namespace: "data", Name: "acme"},
		},
		"NoKind": {
			reason: "A reference without a kind means an AstroConnection.",
			to:     v1alpha1.ConnectionReference{Name: "acme"},
			of:     &v1alpha1.AstroConnection{ObjectMeta: metav1.ObjectMeta{Namespace: "data", Name: "acme"}},
			want:   own, value: "AstroConnection/data/acme", words: "AstroConnection data/acme", object: client.ObjectKey{Namespace: "data", Name: "acme"},
		},
		"Cluster": {
			reason: "A ClusterAstroConnection has no namespace, wherever it is referred to.",
			to:     v1alpha1.ConnectionReference{Kind: v1alpha1.KindClusterAstroConnection, Name: "acme"},
			of:     &v1alpha1.ClusterAstroConnection{ObjectMeta: metav1.ObjectMeta{Name: "acme"}},
			want:   cluster, value: "ClusterAstroConnection//acme", words: "ClusterAstroConnection acme", object: client.ObjectKey{Name: "acme"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := KeyFor("data", tc.to); got != tc.want || got != KeyOf(tc.of) {
				t.Errorf("%s\nthe reference means %v, the object is %v, want %v", tc.reason, got, KeyOf(tc.of), tc.want)
			}
			if tc.want.String() != tc.value || tc.want.Words() != tc.words || tc.want.Object() != tc.object {
				t.Errorf("%s\n%s, %s, %s", tc.reason, tc.want, tc.want.Words(), tc.want.Object())
			}
		})
	}
}

func TestHost(t *testing.T) {
	for url, want := range map[string]string{
		"https://api.astronomer.io": "api.astronomer.io", "http://127.0.0.1:8099": "127.0.0.1:8099", "http://[::1]:8080": "[::1]:8080",
		"https://:8080": "", "api.astronomer.io": "", "": "", "https://%zz": "",
	} {
		if got := Host(&v1alpha1.ConnectionSpec{APIURL: url}); got != want {
			t.Errorf("the host of %q: want %q, got %q", url, want, got)
		}
	}
}
