package astro

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// EntityType is the kind of thing a role is held on. Types that are not known here pass through unchanged.
type EntityType string

// The entity types that Astro documents.
const (
	EntityOrganization EntityType = "ORGANIZATION"
	EntityWorkspace    EntityType = "WORKSPACE"
	EntityDeployment   EntityType = "DEPLOYMENT"
	EntityDag          EntityType = "DAG"
	EntityDagTag       EntityType = "DAG_TAG"
)

// Role is one entry of a token's role set. A Role that was read keeps its JSON and is written back with the same bytes, so
// that unknown fields and entity types survive.
type Role struct {
	EntityType   EntityType
	EntityID     string
	DeploymentID string
	Role         string

	raw string // as read; empty for a Role made here
}

// NewRole makes a role on an Organization, Workspace or Deployment.
func NewRole(t EntityType, entityID, role string) Role {
	return Role{EntityType: t, EntityID: entityID, Role: role}
}

// WithRole is the same entry with another role. All its other fields are kept, unknown ones too.
func (r Role) WithRole(role string) Role {
	if r.raw != "" {
		r.raw = replaceField(r.raw, "role", role)
	}
	r.Role = role
	return r
}

// RoleKey names what a role is held on: a token has one role for each.
type RoleKey struct {
	EntityType   EntityType
	EntityID     string
	DeploymentID string
}

// Key is what the role is held on. The id of an Organization, Workspace or Deployment is enough. DAGs and tags of one name
// differ by their Deployment.
func (r Role) Key() RoleKey {
	switch r.EntityType {
	case EntityOrganization, EntityWorkspace, EntityDeployment:
		return RoleKey{EntityType: r.EntityType, EntityID: r.EntityID}
	}
	return RoleKey{EntityType: r.EntityType, EntityID: r.EntityID, DeploymentID: r.DeploymentID}
}

// Equal reports whether both are the same bytes on the wire.
func (r Role) Equal(o Role) bool { return r == o || r.wire() == o.wire() }

// MarshalJSON returns an unchanged Role as it was read. (json.Marshal then removes blanks and escapes <, > and &. Requests
// avoid that: rolesBody makes them.)
func (r Role) MarshalJSON() ([]byte, error) { return []byte(r.wire()), nil }

// wire is the Role as it is sent to Astro. Exported fields that were changed are written into the raw JSON.
func (r Role) wire() string {
	if r.raw == "" {
		return r.made()
	}
	var was Role
	if err := was.read(r.raw); err != nil {
		return r.made()
	}
	raw := r.raw
	for _, f := range []struct{ name, was, is string }{
		{"entityType", string(was.EntityType), string(r.EntityType)},
		{"entityId", was.EntityID, r.EntityID},
		{"deploymentId", was.DeploymentID, r.DeploymentID},
		{"role", was.Role, r.Role},
	} {
		if f.was != f.is {
			raw = replaceField(raw, f.name, f.is)
		}
	}
	return raw
}

func (r Role) made() string {
	body := `{"entityType":` + quote(string(r.EntityType)) + `,"entityId":` + quote(r.EntityID)
	if r.DeploymentID != "" {
		body += `,"deploymentId":` + quote(r.DeploymentID)
	}
	return body + `,"role":` + quote(r.Role) + `}`
}

// UnmarshalJSON reads an entry and keeps its bytes.
func (r *Role) UnmarshalJSON(raw []byte) error {
	var read Role
	if !json.Valid(raw) { // from encoding/json it always is
		return errors.New("role entry: not JSON")
	}
	if err := read.read(string(raw)); err != nil {
		return fmt.Errorf("role entry: %w", err)
	}
	*r = read
	return nil
}

// read takes the known fields by their exact names. encoding/json would also accept Role or ENTITYID.
func (r *Role) read(raw string) error {
	*r = Role{raw: raw}
	return eachField(raw, func(name, value string, _ int) error {
		switch name {
		case "entityType":
			return readString(value, (*string)(&r.EntityType))
		case "entityId":
			return readString(value, &r.EntityID)
		case "deploymentId":
			return readString(value, &r.DeploymentID)
		case "role":
			return readString(value, &r.Role)
		}
		return nil
	})
}

// rolesBody is the body of a role write, each entry byte for byte.
func rolesBody(roles []Role) []byte {
	entries := make([]string, len(roles))
	for i, r := range roles {
		entries[i] = r.wire()
	}
	return []byte(`{"roles":[` + strings.Join(entries, ",") + `]}`)
}

const (
	// maxRights is the largest number of lines that Rights returns, and maxRight about the number of bytes of one.
	maxRights, maxRight = 32, 512
)

// Rights lists roles in order, for readers and for comparison: ORGANIZATION/<id>=<role>, and for a DAG its Deployment
// before its id. The rest of a long list is replaced by a checksum, so that a change still shows, and so is what cannot be
// shown of a line.
func Rights(roles []Role) []string { return shorten(allRights(roles)) }

// allRights is Rights, however many there are.
func allRights(roles []Role) []string {
	all := make([]string, 0, len(roles))
	for _, r := range roles {
		on := []string{string(r.EntityType), r.EntityID}
		if k := r.Key(); k.DeploymentID != "" {
			on = []string{string(r.EntityType), k.DeploymentID, r.EntityID}
		}
		all = append(all, right(strings.Join(on, "/")+"="+r.Role))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func shorten(all []string) []string {
	if len(all) <= maxRights {
		return all
	}
	rest := all[maxRights-1:]
	return append(all[:maxRights-1:maxRights-1], fmt.Sprintf("and %d more, %s", len(rest), checksum(strings.Join(rest, "\n"))))
}

// right is a line of Rights.
func right(line string) string {
	shown := text.Clip(text.Line(line), maxRight)
	if shown == line {
		return line
	}
	return shown + ", " + checksum(line)
}

func checksum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("sha256 %x", sum[:8])
}
