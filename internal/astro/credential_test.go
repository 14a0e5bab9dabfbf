package astro

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func jwt(claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc([]byte(claims)) + "." + enc([]byte("signature"))
}

func TestParseCredential(t *testing.T) {
	got, err := ParseCredential("\n" + jwt(`{"apiTokenId":"t1","permissions":["apiTokenId:t1","organizationId:o1","workspaceId:w1","organizationId:"],"exp":1e9}`) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{TokenID: "t1", Organizations: []string{"o1"}, Workspaces: []string{"w1"}, ExpiresAt: got.ExpiresAt}
	if diff := cmp.Diff(want, got); diff != "" || got.ExpiresAt.Unix() != 1e9 {
		t.Errorf("%s, expires %v", diff, got.ExpiresAt)
	}
	sim := plant(astrosim.New(astrosim.Options{}))
	if got, err := ParseCredential(sim.Credential(sim.self)); err != nil || got.TokenID != sim.self || got.ExpiresAt != nil {
		t.Errorf("a credential of the simulator: %+v, %v", got, err)
	}
}

func TestParseCredentialNeverTellsTheSecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.OneOf(
			rapid.StringMatching(`[a-zA-Z0-9_.-]{8,60}`),
			rapid.Custom(func(t *rapid.T) string { return jwt(rapid.String().Draw(t, "claims")) }),
			rapid.Custom(func(t *rapid.T) string {
				return jwt(`{"apiTokenId":` + rapid.StringMatching(`[0-9]{8,20}`).Draw(t, "id") + `}`)
			}),
		).Draw(t, "secret")
		if _, err := ParseCredential(secret); err != nil && strings.Contains(err.Error(), secret) {
			t.Fatalf("the error of %q tells it: %v", secret, err)
		}
	})
}
