package astro

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// EntityType is the kind of thing a role is held on. Astro grows new ones; what is not known here passes through.
type EntityType string

// The entity types that Astro documents.
const (
	EntityOrganization EntityType = "ORGANIZATION"
	EntityWorkspace    EntityType = "WORKSPACE"
	EntityDeployment   EntityType = "DEPLOYMENT"
	EntityDag          EntityType = "DAG"
	EntityDagTag       EntityType = "DAG_TAG"
)

// Role is one entry of a token's role set. A Role that was read keeps the JSON it was read from and is written back with
// the same bytes, so that fields and entity types unknown to this code survive.
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

// WithRole is the same entry with another role; all its other fields, the unknown ones too, are kept.
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

// Key is what the role is held on. The id of an Organization, Workspace or Deployment says it all; two DAGs or tags of
// one name on two Deployments differ by the Deployment only.
func (r Role) Key() RoleKey {
	switch r.EntityType {
	case EntityOrganization, EntityWorkspace, EntityDeployment:
		return RoleKey{EntityType: r.EntityType, EntityID: r.EntityID}
	}
	return RoleKey{EntityType: r.EntityType, EntityID: r.EntityID, DeploymentID: r.DeploymentID}
}

// Equal says whether both are the same bytes on the wire.
func (r Role) Equal(o Role) bool { return r == o || r.wire() == o.wire() }

// MarshalJSON gives an untouched Role back as it was read. (json.Marshal squeezes blanks out of it and escapes <, > and
// & on the way; requests are made without that, by rolesBody.)
func (r Role) MarshalJSON() ([]byte, error) { return []byte(r.wire()), nil }

// wire is the Role as it goes to Astro. Exported fields that were set by hand are carried into the raw form.
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

// read takes the known fields by their exact names; encoding/json would also take Role or ENTITYID for them.
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

// maxRights is how many roles are spelled out.
const maxRights = 32

// Rights spells roles in order, for a reader and for comparison: ORGANIZATION/<id>=<role>, a DAG's with its Deployment
// before its id. Of very many the rest is a sum, so that a change still shows.
func Rights(roles []Role) []string {
	all := make([]string, 0, len(roles))
	for _, r := range roles {
		on := []string{string(r.EntityType), r.EntityID}
		if k := r.Key(); k.DeploymentID != "" {
			on = []string{string(r.EntityType), k.DeploymentID, r.EntityID}
		}
		all = append(all, strings.Join(on, "/")+"="+r.Role)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) <= maxRights {
		return all
	}
	rest := all[maxRights-1:]
	sum := sha256.Sum256([]byte(strings.Join(rest, "\n")))
	return append(all[:maxRights-1:maxRights-1], fmt.Sprintf("and %d more, sha256 %x", len(rest), sum[:8]))
}
