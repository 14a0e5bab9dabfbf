package astrosim

import (
	"fmt"
	"strings"
)

// Choice is one setting of a switch.
type Choice string

// The choices of all switches; each switch takes the few that its Switch lists.
const (
	Accept          Choice = "Accept"
	Reject          Choice = "Reject"
	Reject400       Choice = "Reject400"
	Reject403       Choice = "Reject403"
	Reject404       Choice = "Reject404"
	RejectNextWrite Choice = "RejectNextWrite"
	AddAccessor     Choice = "AddAccessor"
	Cascade         Choice = "Cascade"
	Merge           Choice = "Merge"
	Strip           Choice = "Strip"
	Keep            Choice = "Keep"
	Follow          Choice = "Follow"
	Exact           Choice = "Exact"
	Ignore          Choice = "Ignore"
	Canonical       Choice = "Canonical"
	Partial         Choice = "Partial"
	CaseInsensitive Choice = "CaseInsensitive"
	Complete        Choice = "Complete"
	FilteredOnly    Choice = "FilteredOnly"
	NotFound        Choice = "NotFound"
	Unauthorized    Choice = "Unauthorized"
	Forbidden       Choice = "Forbidden"
	Moves           Choice = "Moves"
	Stays           Choice = "Stays"
	Full            Choice = "Full"
	Empty           Choice = "Empty"
	Stale           Choice = "Stale"
	CreatedAsc      Choice = "CreatedAsc"
	CreatedDesc     Choice = "CreatedDesc"
	ByName          Choice = "ByName"
	Shuffled        Choice = "Shuffled"
	RoleThere       Choice = "RoleThere"
	RoleBelow       Choice = "RoleBelow"
	Inherited       Choice = "Inherited"
	All             Choice = "All"
	Any             Choice = "Any"
	Default         Choice = "Default"
	Listed          Choice = "Listed"
	Hidden          Choice = "Hidden"
	AnyToken        Choice = "AnyToken"
	OrgTokensOnly   Choice = "OrgTokensOnly"
	WorkspaceOwner  Choice = "WorkspaceOwner"
	DeploymentAdmin Choice = "DeploymentAdmin"
	OrgOwner        Choice = "OrgOwner"
	Text            Choice = "Text"
	HTML            Choice = "HTML"
	JSON            Choice = "JSON"
	Absent          Choice = "Absent"
	Seconds         Choice = "Seconds"
	Date            Choice = "Date"
	PerToken        Choice = "PerToken"
	PerTenant       Choice = "PerTenant"
	Bucket          Choice = "Bucket"
	Sliding         Choice = "Sliding"
	Fixed           Choice = "Fixed"
)

// Behaviour says how the simulated Astro answers where the real one's behaviour is not published. A field left empty
// takes the default: the first value of its Switch.
type Behaviour struct {
	DeploymentWithoutWorkspace Choice
	DAGWithoutDeployment       Choice
	RemoveWorkspaceRole        Choice
	MissingOwnScopeRole        Choice
	ScopeRules                 Choice
	UnknownEntity              Choice
	DeadEntity                 Choice
	DeploymentDeletion         Choice
	WorkspaceDeletion          Choice
	DeploymentTransfer         Choice
	Duplicates                 Choice
	RoleNameCase               Choice
	CustomRoleChange           Choice
	ForeignDeployment          Choice
	DAGRoles                   Choice
	DirectAccessRoles          Choice
	ExpiredTokenRoles          Choice
	ExpiredTokenLists          Choice
	DuplicateTokenNames        Choice
	UpdatedAtOnRoleChange      Choice
	RolesAnswer                Choice
	RoleWriters                Choice
	FilteredListRoles          Choice
	WorkspaceFilter            Choice
	DeploymentFilter           Choice
	TokenFilters               Choice
	NamesFilter                Choice
	LimitZero                  Choice
	DefaultOrder               Choice
	HiddenEntity               Choice
	ForeignOrganization        Choice
	ExpiredCredential          Choice
	LimitScope                 Choice
	LimitWindow                Choice
	ThrottleBody               Choice
	RetryAfter                 Choice
}

// Set gives the named switch a value; both are matched without regard to letter case.
func (b *Behaviour) Set(name, value string) error {
	for _, sw := range switches {
		if !strings.EqualFold(sw.Name, name) {
			continue
		}
		for _, v := range sw.Values {
			if strings.EqualFold(string(v.Choice), value) {
				*sw.field(b) = v.Choice
				return nil
			}
		}
		return fmt.Errorf("switch %s takes %s, not %q", sw.Name, sw.choices(), value)
	}
	return fmt.Errorf("no switch is named %q", name)
}

// Get reads the named switch.
func (b Behaviour) Get(name string) (Choice, error) {
	for _, sw := range switches {
		if strings.EqualFold(sw.Name, name) {
			return *sw.field(&b), nil
		}
	}
	return "", fmt.Errorf("no switch is named %q", name)
}

// complete fills in the defaults and refuses a choice that its switch does not have.
func (b Behaviour) complete() (Behaviour, error) {
	for _, sw := range switches {
		f := sw.field(&b)
		if *f == "" {
			*f = sw.Values[0].Choice
		}
		if err := b.Set(sw.Name, string(*f)); err != nil {
			return b, err
		}
	}
	return b, nil
}
