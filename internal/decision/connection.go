package decision

import (
	"slices"
	"strings"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// Connection is what is known of the connection that a binding refers to.
type Connection struct {
	ID     string              // Kind/namespace/name
	Words  string              // the same for a reader
	Object v1alpha1.Connection // nil: there is none

	Host, Organization string // empty: its controller has not looked at it yet
	OrganizationName   string // empty: its status has it, if anything
	Credential         string // the id of the API token that it works with

	// Own are the roles of that API token itself; nil if it does not see itself.
	Own []astro.Role

	Ready     bool   // its credential was proven and not refused since
	Callable  bool   // a credential was proven once, so that Astro can be called
	Deleting  bool   // it takes nothing new
	Distrusts bool   // its own status says that its listing is no evidence
	Reason    string // why it is not ready
	NeedsUser bool   // it does not become ready by itself
}

// observes reports whether nothing is written to Astro through the connection.
func (c *Connection) observes() bool {
	return c.Object != nil && c.Object.ConnectionSpec().Mode == v1alpha1.ModeObserve
}

// deletionPolicy is that of the bindings which name none; empty if there is no connection.
func (c *Connection) deletionPolicy() v1alpha1.DeletionPolicy {
	if c.Object == nil {
		return ""
	}
	return c.Object.ConnectionSpec().DeletionPolicy
}

// unknown reports whether there is a connection that nobody has looked at since the operator started.
func (c *Connection) unknown() bool { return c.Object != nil && c.Host == "" }

// owns reports whether the connection's API token is an owner of the Organization or of the Workspace, which may write any role there.
func (c *Connection) owns(workspace string) bool {
	return slices.ContainsFunc(c.Own, func(r astro.Role) bool {
		switch r.EntityType {
		case astro.EntityOrganization:
			return r.EntityID == c.Organization && r.Role == "ORGANIZATION_OWNER"
		case astro.EntityWorkspace:
			return r.EntityID == workspace && r.Role == "WORKSPACE_OWNER"
		default:
			return false
		}
	})
}

// rights stand for what the connection's API token may do.
func (c *Connection) rights() string { return strings.Join(astro.Rights(c.Own), "\n") }

// rest is for how long a change that Astro refuses is left alone.
func rest(through v1alpha1.Connection) time.Duration {
	return through.ConnectionSpec().SweepInterval.Duration * 3 / 4
}
