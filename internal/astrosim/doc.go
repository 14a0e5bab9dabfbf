// Package astrosim is a simulated Astro: the part of the public API (v1, and v1beta1 for the clients that still call it)
// that concerns API tokens and their roles, over real HTTP, with state, rules, rate limits, latency, faults, counts and an
// audit of every write of roles. It knows HTTP only: nothing of Kubernetes, and nothing of the client that it is there to
// test.
//
// A test makes one, fills it, and looks at what was done to it:
//
//	sim := astrosim.Serve(t, astrosim.Options{Latency: 80 * time.Millisecond, Limits: astrosim.PublishedLimits()})
//	org := sim.AddOrganization("Acme")
//	ws := sim.AddWorkspace(org, "data")
//	dep := sim.AddDeployment(ws, "prod-etl")
//	operator := sim.AddOrganizationToken(org, "operator", "ORGANIZATION_OWNER")
//	ci := sim.AddOrganizationToken(org, "ci", "ORGANIZATION_MEMBER")
//	// ... point the client at sim.URL() with sim.Credential(operator) ...
//	sim.GrantRole(ci, astrosim.TypeWorkspace, ws, "WORKSPACE_MEMBER") // behind its back
//	remove := sim.Inject(astrosim.Fault{Kind: astrosim.FaultDrop, Endpoint: astrosim.TokensRoles, Times: 1})
//	// ... sim.Roles(ci), sim.Counts(), sim.Audit() ...
//
// The program bin/astrosim serves the same with a seed file; both answer an administration under /_sim. What Astro
// documents is built in: a write of roles replaces the whole set and may not be empty, there is no locking, rotation
// keeps the id, lists are filtered by permission, 429 is not JSON. A token's role entries are stored and returned byte
// for byte, with fields and entity types that the simulator does not know.
//
// Where Astro is silent, a switch decides (Behaviour; each of Switches says what is asked and what each value means):
//
//	deployment-without-workspace  Accept | Reject400 | Reject403 | AddAccessor
//	dag-without-deployment        Accept | Reject400 | AddAccessor
//	remove-workspace-role         Accept | Reject | Cascade | AddAccessor
//	missing-own-scope-role        Reject | Accept
//	scope-rules                   Reject | Accept
//	unknown-entity                Reject400 | Reject404
//	dead-entity                   Reject | Accept
//	deployment-deletion           Strip | Keep
//	workspace-deletion            Strip | Keep
//	deployment-transfer           Keep | Strip
//	duplicates                    Reject | Merge
//	role-name-case                Exact | Ignore | Canonical
//	custom-role-change            Keep | Follow | Strip | RejectNextWrite
//	foreign-deployment            Reject | Accept
//	dag-roles                     AnyToken | OrgTokensOnly
//	direct-access-roles           Reject | Accept
//	expired-token-roles           Accept | Reject
//	expired-token-lists           Listed | Hidden
//	duplicate-token-names         Accept | Reject
//	updated-at-on-role-change     Moves | Stays
//	roles-answer                  Full | Empty | Stale
//	role-writers                  WorkspaceOwner | DeploymentAdmin | OrgOwner
//	filtered-list-roles           Complete | FilteredOnly
//	workspace-filter              RoleThere | RoleBelow | Inherited
//	deployment-filter             RoleThere | Inherited
//	token-filters                 All | Any
//	names-filter                  Exact | Partial | CaseInsensitive
//	limit-zero                    Default | Empty | Reject
//	default-order                 CreatedAsc | CreatedDesc | ByName | Shuffled
//	hidden-entity                 NotFound | Forbidden
//	foreign-organization          Forbidden | NotFound
//	expired-credential            Unauthorized | Forbidden
//	limit-scope                   PerToken | PerTenant
//	limit-window                  Bucket | Sliding | Fixed
//	throttle-body                 Text | Empty | HTML | JSON
//	retry-after                   Absent | Seconds | Date
//
// The first value is the default. Assumed without a switch: a custom role that is restricted to Workspaces is refused
// elsewhere with 400; a role that no catalogue knows is refused with 400 unless the token holds it already; the roles of
// an entity that the caller cannot see count as unchanged when they are sent back unchanged.
package astrosim
