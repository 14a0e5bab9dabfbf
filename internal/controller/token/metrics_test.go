package token

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// claimed is a binding through the ClusterAstroConnection acme that holds its claim.
func claimed(namespace, uid string) *v1alpha1.ScopedTokenBinding {
	const id = "cltoken0000000000000000001"
	b := bindingIn(namespace, id)
	b.UID, b.Finalizers = types.UID(uid), []string{v1alpha1.FinalizerRevoke}
	b.Status.OrganizationID, b.Status.Token.ID, b.Status.Target.ID = "o", id, "t"
	b.Status.Claim = &v1alpha1.Claim{UID: b.UID, State: v1alpha1.ClaimHeld, Host: "h"}
	return b
}

// TestPendingRevocationsWithoutConnection: what is still to be revoked is shown though its connection is gone, without a name.
func TestPendingRevocationsWithoutConnection(t *testing.T) {
	going, staying := claimed("team", "u1"), claimed("other", "u2")
	going.DeletionTimestamp = new(metav1.NewTime(time.Unix(1, 0)))
	const shown = `
# HELP scopedtoken_connection_orphans Bindings of a connection that were deleted without their role having been revoked; it is still to be revoked.
# TYPE scopedtoken_connection_orphans gauge
scopedtoken_connection_orphans{kind="ClusterAstroConnection",name="",namespace=""} %d
# HELP scopedtoken_connection_pending_revocations Bindings of a connection that were deleted, have expired or wait for its revocation limit, and have not lost their role yet.
# TYPE scopedtoken_connection_pending_revocations gauge
scopedtoken_connection_pending_revocations{kind="ClusterAstroConnection",name="",namespace=""} %d
`
	cases := map[string]struct {
		reason            string
		there             []client.Object
		orphans, revoking int
	}{
		"Deleting": {"A binding waits for a connection that is not there.", []client.Object{going, staying}, 0, 1},
		"Orphaned": {"So does the role of bindings that are gone.", []client.Object{staying}, 2, 0},
		"Both":     {"Each is counted.", []client.Object{going}, 2, 1},
		"None":     {"Where nothing is to be revoked nothing is shown.", []client.Object{staying}, 0, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := lookingAt(t, tc.there...)
			r.orphans = newOrphans(r.stillThere, func(types.UID) bool { return false })
			for i := range tc.orphans {
				r.orphans.add(tokenKey("h", "o", "cltoken0000000000000000001"), claimed("gone", fmt.Sprintf("o%d", i)))
			}
			c, want := &collector{}, ""
			c.by.Store(r)
			if tc.orphans+tc.revoking > 0 {
				want = fmt.Sprintf(shown, tc.orphans, tc.revoking)
			}
			names := []string{"scopedtoken_connection_orphans", "scopedtoken_connection_pending_revocations"}
			if err := testutil.CollectAndCompare(c, strings.NewReader(want), names...); err != nil {
				t.Errorf("%s\n%v", tc.reason, err)
			}
		})
	}
}
