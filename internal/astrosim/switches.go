package astrosim

import "strings"

// Switch is one behaviour of Astro that its documents leave open.
type Switch struct {
	Name     string
	Question string
	Values   []Value // the first is the default

	field func(*Behaviour) *Choice
}

// Value is one answer to the question of a Switch.
type Value struct {
	Choice  Choice
	Meaning string
}

func (sw Switch) choices() string {
	names := make([]string, 0, len(sw.Values))
	for _, v := range sw.Values {
		names = append(names, string(v.Choice))
	}
	return strings.Join(names, ", ")
}

// Switches lists every switch with its values, the default first.
func Switches() []Switch { return append([]Switch(nil), switches...) }

var switches = []Switch{
	{"deployment-without-workspace", "A set gives an Organization token a Deployment role but no role on the Deployment's Workspace.",
		[]Value{{Accept, "stored as it is"}, {Reject400, "400 with a field error"}, {Reject403, "403"}, {AddAccessor, "stored with an extra WORKSPACE_ACCESSOR entry"}},
		func(b *Behaviour) *Choice { return &b.DeploymentWithoutWorkspace }},
	{"dag-without-deployment", "A set gives a DAG or DAG tag role but no role on its Deployment.",
		[]Value{{Accept, "stored as it is"}, {Reject400, "400 with a field error"}, {AddAccessor, "stored with an extra DEPLOYMENT_ACCESSOR entry"}},
		func(b *Behaviour) *Choice { return &b.DAGWithoutDeployment }},
	{"remove-workspace-role", "A set drops a Workspace role while Deployment roles in that Workspace remain.",
		[]Value{{Accept, "the Deployment roles stay"}, {Reject, "400"}, {Cascade, "the Deployment and DAG roles of that Workspace go too"},
			{AddAccessor, "a WORKSPACE_ACCESSOR entry takes its place"}},
		func(b *Behaviour) *Choice { return &b.RemoveWorkspaceRole }},
	{"missing-own-scope-role", "A set lacks the token's role on its own Organization, Workspace or Deployment.",
		[]Value{{Reject, "400"}, {Accept, "stored"}},
		func(b *Behaviour) *Choice { return &b.MissingOwnScopeRole }},
	{"scope-rules", "A set holds what the token's scope may not: a role above its scope, or a second role of its own scope.",
		[]Value{{Reject, "400 with a field error"}, {Accept, "stored"}},
		func(b *Behaviour) *Choice { return &b.ScopeRules }},
	{"unknown-entity", "A set names a Workspace or Deployment that does not exist.",
		[]Value{{Reject400, "400 with a field error"}, {Reject404, "404"}},
		func(b *Behaviour) *Choice { return &b.UnknownEntity }},
	{"dead-entity", "A set still names a Workspace or Deployment that was deleted.",
		[]Value{{Reject, "as unknown-entity says"}, {Accept, "stored"}},
		func(b *Behaviour) *Choice { return &b.DeadEntity }},
	{"deployment-deletion", "A Deployment that tokens hold roles on is deleted.",
		[]Value{{Strip, "its roles, DAG roles included, leave the tokens"}, {Keep, "the entries stay and name a dead entity"}},
		func(b *Behaviour) *Choice { return &b.DeploymentDeletion }},
	{"workspace-deletion", "A Workspace that Organization tokens hold roles on is deleted (the CLI's help says: stripped).",
		[]Value{{Strip, "its roles leave the tokens"}, {Keep, "the entries stay and name a dead entity"}},
		func(b *Behaviour) *Choice { return &b.WorkspaceDeletion }},
	{"deployment-transfer", "A Deployment that tokens hold roles on is transferred to another Workspace.",
		[]Value{{Keep, "the entries stay"}, {Strip, "its roles, DAG roles included, leave the tokens, except its own"}},
		func(b *Behaviour) *Choice { return &b.DeploymentTransfer }},
	{"duplicates", "A set names one entity twice.",
		[]Value{{Reject, "400 with a field error"}, {Merge, "the last entry wins"}},
		func(b *Behaviour) *Choice { return &b.Duplicates }},
	{"role-name-case", "A role is spelled in other letter case.",
		[]Value{{Exact, "unknown role: 400"}, {Ignore, "stored as sent"}, {Canonical, "stored as the role is really spelled"}},
		func(b *Behaviour) *Choice { return &b.RoleNameCase }},
	{"custom-role-change", "A custom role is renamed or deleted while tokens hold it.",
		[]Value{{Keep, "the entries keep the old name and may be written back"}, {Follow, "a rename is carried into the entries; after a deletion as Keep"},
			{Strip, "the entries leave the tokens"}, {RejectNextWrite, "the entries stay, and a set that names them is refused with 400"}},
		func(b *Behaviour) *Choice { return &b.CustomRoleChange }},
	{"foreign-deployment", "A set gives a Workspace token a role on a Deployment of another Workspace.",
		[]Value{{Reject, "400 with a field error"}, {Accept, "stored"}},
		func(b *Behaviour) *Choice { return &b.ForeignDeployment }},
	{"dag-roles", "Which tokens may hold DAG and DAG tag roles (Astro's documents contradict each other).",
		[]Value{{AnyToken, "tokens of every scope"}, {OrgTokensOnly, "Organization tokens; others get 400"}},
		func(b *Behaviour) *Choice { return &b.DAGRoles }},
	{"direct-access-roles", "The roles of a token of kind DIRECT_ACCESS are written.",
		[]Value{{Reject, "400"}, {Accept, "stored"}},
		func(b *Behaviour) *Choice { return &b.DirectAccessRoles }},
	{"expired-token-roles", "The roles of an expired token are written.",
		[]Value{{Accept, "stored"}, {Reject, "400"}},
		func(b *Behaviour) *Choice { return &b.ExpiredTokenRoles }},
	{"expired-token-lists", "An expired token in lists.",
		[]Value{{Listed, "it appears"}, {Hidden, "it is left out; a GET by id still finds it"}},
		func(b *Behaviour) *Choice { return &b.ExpiredTokenLists }},
	{"duplicate-token-names", "A token is created or renamed to a name that another of the Organization has.",
		[]Value{{Accept, "two tokens of one name"}, {Reject, "400"}},
		func(b *Behaviour) *Choice { return &b.DuplicateTokenNames }},
	{"updated-at-on-role-change", "updatedAt of a token after its roles were written.",
		[]Value{{Moves, "it moves, and updatedBy with it"}, {Stays, "only name and description move it"}},
		func(b *Behaviour) *Choice { return &b.UpdatedAtOnRoleChange }},
	{"roles-answer", "What the answer to a role write (SubjectRoles) holds.",
		[]Value{{Full, "the new set"}, {Empty, "no field at all (every one is optional)"}, {Stale, "the set before the write"}},
		func(b *Behaviour) *Choice { return &b.RolesAnswer }},
	{"role-writers", "The smallest role that may write the roles of a token.",
		[]Value{{WorkspaceOwner, "an Organization Owner any entry; a Workspace Owner the Deployment and DAG entries of its Workspace, and the Workspace entry of that Workspace's own tokens"},
			{DeploymentAdmin, "besides, a Deployment Admin the entries of its Deployment"}, {OrgOwner, "an Organization Owner only"}},
		func(b *Behaviour) *Choice { return &b.RoleWriters }},
	{"filtered-list-roles", "The roles in a token list that is filtered by an entity.",
		[]Value{{Complete, "each token's complete set"}, {FilteredOnly, "only the roles on the filtered entities"}},
		func(b *Behaviour) *Choice { return &b.FilteredListRoles }},
	{"workspace-filter", "Which tokens the list filter workspaceId matches.",
		[]Value{{RoleThere, "those with a role on the Workspace"}, {RoleBelow, "besides, those with a role on one of its Deployments"}, {Inherited, "besides, Organization Owners"}},
		func(b *Behaviour) *Choice { return &b.WorkspaceFilter }},
	{"deployment-filter", "Which tokens the list filter deploymentId matches.",
		[]Value{{RoleThere, "those with a role on the Deployment"}, {Inherited, "besides, those with a role on its Workspace, and Organization Owners"}},
		func(b *Behaviour) *Choice { return &b.DeploymentFilter }},
	{"token-filters", "How several token filters combine.",
		[]Value{{All, "a token matches all of them"}, {Any, "a token matches one of them"}},
		func(b *Behaviour) *Choice { return &b.TokenFilters }},
	{"names-filter", "How the names filter of Workspaces and Deployments compares.",
		[]Value{{Exact, "the whole name"}, {Partial, "a part of the name"}, {CaseInsensitive, "the whole name, letter case ignored"}},
		func(b *Behaviour) *Choice { return &b.NamesFilter }},
	{"limit-zero", "A list is asked for with limit=0.",
		[]Value{{Default, "as if it were left out: 20"}, {Empty, "no rows, with the total"}, {Reject, "400"}},
		func(b *Behaviour) *Choice { return &b.LimitZero }},
	{"default-order", "The order of a list without sorts.",
		[]Value{{CreatedAsc, "oldest first"}, {CreatedDesc, "newest first"}, {ByName, "by name"}, {Shuffled, "another order at each request"}},
		func(b *Behaviour) *Choice { return &b.DefaultOrder }},
	{"hidden-entity", "GET of a token, Workspace or Deployment that exists but that the caller may not see.",
		[]Value{{NotFound, "404"}, {Forbidden, "403"}},
		func(b *Behaviour) *Choice { return &b.HiddenEntity }},
	{"foreign-organization", "A path names an Organization that is not the credential's.",
		[]Value{{Forbidden, "403"}, {NotFound, "404"}},
		func(b *Behaviour) *Choice { return &b.ForeignOrganization }},
	{"expired-credential", "A call with an expired credential.",
		[]Value{{Unauthorized, "401"}, {Forbidden, "403"}},
		func(b *Behaviour) *Choice { return &b.ExpiredCredential }},
	{"limit-scope", "What a rate limit counts together.",
		[]Value{{PerToken, "the calls of one API token"}, {PerTenant, "the calls of all tokens of an Organization"}},
		func(b *Behaviour) *Choice { return &b.LimitScope }},
	{"limit-window", "How a rate limit of n a second is measured.",
		[]Value{{Bucket, "a bucket of n, refilled evenly"}, {Sliding, "no more than n in any second"}, {Fixed, "no more than n in each second of the clock"}},
		func(b *Behaviour) *Choice { return &b.LimitWindow }},
	{"throttle-body", "The body of a 429, which is known not to be Astro's JSON error.",
		[]Value{{Text, "a line of plain text"}, {Empty, "nothing"}, {HTML, "a page of a gateway"}, {JSON, "the JSON error after all"}},
		func(b *Behaviour) *Choice { return &b.ThrottleBody }},
	{"retry-after", "The header Retry-After of a 429.",
		[]Value{{Absent, "none"}, {Seconds, "whole seconds"}, {Date, "an HTTP date"}},
		func(b *Behaviour) *Choice { return &b.RetryAfter }},
}

// SwitchesMarkdown is the table of switches for the documents.
func SwitchesMarkdown() string {
	var b strings.Builder
	b.WriteString("| switch | where Astro is silent | values, the default first |\n| --- | --- | --- |\n")
	for _, sw := range switches {
		values := make([]string, 0, len(sw.Values))
		for _, v := range sw.Values {
			values = append(values, "`"+string(v.Choice)+"`: "+v.Meaning)
		}
		b.WriteString("| `" + sw.Name + "` | " + sw.Question + " | " + strings.Join(values, "; ") + " |\n")
	}
	return b.String()
}
