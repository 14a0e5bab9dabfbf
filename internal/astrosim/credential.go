package astrosim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// claims are the claims of an API token that first-party clients read without verifying them.
type claims struct {
	APITokenID            string   `json:"apiTokenId"`
	Permissions           []string `json:"permissions"`
	IsAstronomerGenerated bool     `json:"isAstronomerGenerated"`
	Version               string   `json:"version"`
	Issuer                string   `json:"iss"`
	Subject               string   `json:"sub"`
	ID                    string   `json:"jti"`
	IssuedAt              int64    `json:"iat"`
	NotBefore             int64    `json:"nbf"`
	ExpiresAt             int64    `json:"exp,omitempty"`
}

// newCredential makes the secret of a token: a JWT signed with the simulator's own key.
func (s *Sim) newCredential(t *token) string {
	c := claims{
		APITokenID: t.id, Permissions: []string{"apiTokenId:" + t.id, "organizationId:" + t.org.id}, IsAstronomerGenerated: true,
		Version: "v1", Issuer: "https://astrosim.invalid", Subject: t.id, ID: s.newID(), IssuedAt: s.now().Unix(), NotBefore: t.start.Unix(),
	}
	switch t.scope {
	case TypeWorkspace:
		c.Permissions = append(c.Permissions, "workspaceId:"+t.home)
	case TypeDeployment:
		c.Permissions = append(c.Permissions, "deploymentId:"+t.home)
	}
	if t.end != nil {
		c.ExpiresAt = t.end.Unix()
	}
	return s.sign(c)
}

func (s *Sim) sign(c claims) string {
	payload, _ := json.Marshal(c) // strings and numbers only
	signed := encode64([]byte(`{"alg":"HS256","typ":"JWT","kid":"astrosim"}`)) + "." + encode64(payload)
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(signed))
	return signed + "." + encode64(mac.Sum(nil))
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// shortToken is the displayable fragment of a secret.
func shortToken(credential string) string {
	return fmt.Sprintf("...%s", credential[max(0, len(credential)-4):])
}

// newID makes a cuid: mostly 25 characters, now and then 26, as Astro's ids are.
func (s *Sim) newID() string {
	id := "c" + strconv.FormatInt(s.now().UnixMilli(), 36)
	for length := 25 + btoi(s.rng.IntN(8) == 0); len(id) < length; {
		id += strconv.FormatInt(int64(s.rng.IntN(36)), 36)
	}
	return strings.ToLower(id)
}

// newRequestID looks like the ids that Astro's errors carry.
func (s *Sim) newRequestID() string {
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", s.rng.Uint32(), s.rng.IntN(1<<16), s.rng.IntN(1<<12), 0x8000+s.rng.IntN(1<<14), s.rng.Int64N(1<<48))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// now is the time of the simulated Astro, in its resolution of a millisecond.
func (s *Sim) now() time.Time { return s.options.Now().UTC().Truncate(time.Millisecond) }
