package astrosim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// The entity types of a role. Astro may grow others; the simulator stores and returns what it does not know.
const (
	TypeOrganization = "ORGANIZATION"
	TypeWorkspace    = "WORKSPACE"
	TypeDeployment   = "DEPLOYMENT"
	TypeDAG          = "DAG"
	TypeDAGTag       = "DAG_TAG"
)

// Role is one entry of a token's role set. Raw holds the entry as Astro stores and returns it, byte for byte; the
// other fields are read from it. On input Raw may be left empty and is then made from the fields.
type Role struct {
	EntityType   string          `json:"entityType"`
	EntityID     string          `json:"entityId"`
	Role         string          `json:"role"`
	DeploymentID string          `json:"deploymentId,omitempty"`
	Raw          json.RawMessage `json:"-"`
}

// OrganizationRole is a role on an Organization.
func OrganizationRole(org, role string) Role { return newRole(TypeOrganization, org, role, "") }

// WorkspaceRole is a role on a Workspace.
func WorkspaceRole(workspace, role string) Role { return newRole(TypeWorkspace, workspace, role, "") }

// DeploymentRole is a role on a Deployment.
func DeploymentRole(deployment, role string) Role {
	return newRole(TypeDeployment, deployment, role, "")
}

// DAGRole is a role on one DAG of a Deployment.
func DAGRole(deployment, dag, role string) Role { return newRole(TypeDAG, dag, role, deployment) }

// DAGTagRole is a role on the DAGs of a Deployment that carry a tag.
func DAGTagRole(deployment, tag, role string) Role { return newRole(TypeDAGTag, tag, role, deployment) }

// RawRole is an entry given as JSON, for entity types and fields that the simulator does not know.
func RawRole(raw string) Role {
	r, err := parseRole([]byte(raw))
	if err != nil {
		panic(fmt.Sprintf("astrosim: raw role %s: %v", raw, err))
	}
	return r
}

// String reads as TYPE/id=ROLE.
func (r Role) String() string {
	if r.DeploymentID != "" {
		return fmt.Sprintf("%s/%s@%s=%s", r.EntityType, r.EntityID, r.DeploymentID, r.Role)
	}
	return fmt.Sprintf("%s/%s=%s", r.EntityType, r.EntityID, r.Role)
}

func newRole(entityType, entity, role, deployment string) Role {
	return Role{EntityType: entityType, EntityID: entity, Role: role, DeploymentID: deployment}.withRaw()
}

func (r Role) withRaw() Role {
	if len(r.Raw) == 0 {
		r.Raw = mustMarshal(r)
	}
	return r
}

func parseRole(raw []byte) (Role, error) {
	var r Role
	if err := json.Unmarshal(raw, &r); err != nil {
		return Role{}, err
	}
	r.Raw = bytes.Clone(raw)
	return r, nil
}

// respelled is the entry with another role name, everything else of its bytes kept.
func (r Role) respelled(name string) Role {
	r.Role = name
	if at := roleField.FindSubmatchIndex(r.Raw); at != nil {
		r.Raw = slices.Concat(r.Raw[:at[2]], mustMarshal(name), r.Raw[at[3]:])
	}
	return r
}

var roleField = regexp.MustCompile(`"role"\s*:\s*("(?:[^"\\]|\\.)*")`)

// roleKey is what makes two entries the same entry.
type roleKey struct{ entityType, entity, deployment string }

func (r Role) key() roleKey { return roleKey{r.EntityType, r.EntityID, r.DeploymentID} }

// onDeployment is the Deployment that the entry lies in, if any.
func (r Role) onDeployment() string {
	switch r.EntityType {
	case TypeDeployment:
		return r.EntityID
	case TypeDAG, TypeDAGTag:
		return r.DeploymentID
	}
	return ""
}

func (r Role) isDAG() bool { return r.EntityType == TypeDAG || r.EntityType == TypeDAGTag }

func cloneRoles(roles []Role) []Role { return append(make([]Role, 0, len(roles)), roles...) }

func findRole(roles []Role, key roleKey) (Role, bool) {
	for _, r := range roles {
		if r.key() == key {
			return r, true
		}
	}
	return Role{}, false
}

func rolesWithout(roles []Role, drop func(Role) bool) []Role {
	kept := make([]Role, 0, len(roles))
	for _, r := range roles {
		if !drop(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// same says whether two entries say the same, whatever the order of their fields.
func (r Role) same(other Role) bool {
	return bytes.Equal(r.Raw, other.Raw) || bytes.Equal(canonical(r.Raw), canonical(other.Raw))
}

// grants says whether two entries grant the same, whatever else is in them.
func (r Role) grants(other Role) bool { return r.key() == other.key() && r.Role == other.Role }

// sameRoles compares sets, whatever the order of their entries.
func sameRoles(a, b []Role) bool {
	return len(a) == len(b) && len(missing(a, b, Role.same)) == 0 && len(missing(b, a, Role.same)) == 0
}

// missing are the entries of a set to which the other has no equal.
func missing(from, in []Role, equal func(Role, Role) bool) []Role {
	return rolesWithout(from, func(r Role) bool {
		return slices.ContainsFunc(in, func(other Role) bool { return equal(r, other) })
	})
}

// canonical is the entry with its fields in order.
func canonical(raw json.RawMessage) []byte {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return raw
	}
	return mustMarshal(v)
}

// mustMarshal encodes values of this package's own types, which cannot fail; it leaves <, > and & as they are.
func mustMarshal(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("astrosim: encode %T: %v", v, err))
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}
