package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

const (
	role        = "DEPLOYMENT_ADMIN"
	otherRole   = "Deploy Only"
	foreignRole = "WORKSPACE_MEMBER"
	// perWorkspace is how many Deployments lie in one Workspace.
	perWorkspace = 10
)

// organization is one in a simulated Astro, with tokens and Deployments for so many bindings.
type organization struct {
	sim        *astrosim.Sim
	id         string
	credential named  // the operator's token
	secret     string // of that token
	office     string // a Workspace on which every token has a role that nobody declares
	tokens     []named
	grants     []grant
	random     *rand.Rand

	workspace   string // the one that is being filled
	deployments int
}

type named struct{ id, name string }

type deployment struct {
	named

	workspace string
}

// grant is one role that is asked for. Every grant has a Deployment of its own.
type grant struct {
	name   string
	token  named
	target deployment
	role   string
}

// newOrganization starts a simulated Astro with an Organization for the size. The order of its grants is shuffled.
func newOrganization(o astrosim.Options, s size) (*organization, error) {
	sim := astrosim.New(o)
	if _, err := sim.Start(); err != nil {
		return nil, err
	}
	org := &organization{sim: sim, id: sim.AddOrganization("Acme"), random: rand.New(rand.NewPCG(o.Seed, uint64(s.bindings)))}
	org.credential = named{sim.AddOrganizationToken(org.id, "operator", "ORGANIZATION_OWNER"), "operator"}
	org.secret = sim.Credential(org.credential.id)
	org.office = sim.AddWorkspace(org.id, "office")
	sim.AddCustomRole(org.id, otherRole, astrosim.TypeDeployment)
	for range s.tokens {
		org.addToken()
	}
	for i := range s.bindings {
		org.grants = append(org.grants, org.grantOn(org.tokens[i%s.tokens]))
	}
	org.random.Shuffle(len(org.grants), func(i, j int) { org.grants[i], org.grants[j] = org.grants[j], org.grants[i] })
	return org, nil
}

// addToken makes a token that has a role nobody declares.
func (org *organization) addToken() named {
	name := fmt.Sprintf("ci-%04d", len(org.tokens))
	foreign := astrosim.WorkspaceRole(org.office, foreignRole)
	t := named{org.sim.AddOrganizationToken(org.id, name, "ORGANIZATION_MEMBER", astrosim.Roles(foreign)), name}
	org.tokens = append(org.tokens, t)
	return t
}

// grantOn makes a Deployment, and asks for a role of the token on it.
func (org *organization) grantOn(t named) grant {
	i := org.deployments
	if i%perWorkspace == 0 {
		org.workspace = org.sim.AddWorkspace(org.id, fmt.Sprintf("team-%04d", i/perWorkspace))
	}
	org.deployments++
	name := fmt.Sprintf("etl-%05d", i)
	target := deployment{named{org.sim.AddDeployment(org.workspace, name), name}, org.workspace}
	return grant{fmt.Sprintf("grant-%05d", i), t, target, role}
}

// more asks for so many further roles, each of any of the tokens.
func (org *organization) more(n int) []grant {
	var grants []grant
	for range n {
		grants = append(grants, org.grantOn(org.tokens[org.random.IntN(len(org.tokens))]))
	}
	return grants
}

// lost is how many of the grants Astro does not hold.
func (org *organization) lost(grants []grant) (n int) {
	for _, g := range grants {
		if org.sim.RoleOn(g.token.id, astrosim.TypeDeployment, g.target.id) != g.role {
			n++
		}
	}
	return n
}

// oneOfEach is one grant of each of the first n tokens.
func (org *organization) oneOfEach(n int) []grant {
	var found []grant
	for _, t := range org.tokens[:n] {
		i := slices.IndexFunc(org.grants, func(g grant) bool { return g.token == t })
		found = append(found, org.grants[i])
	}
	return found
}

// pages is how many calls a listing of all tokens takes. Pages overlap by one row.
func (org *organization) pages() int { return 1 + len(org.tokens)/999 }

// othersLost is how many roles are gone that nobody declared, the tokens' own among them.
func (org *organization) othersLost() (n int) {
	for _, t := range org.tokens {
		if org.sim.RoleOn(t.id, astrosim.TypeWorkspace, org.office) != foreignRole {
			n++
		}
		if org.sim.RoleOn(t.id, astrosim.TypeOrganization, org.id) != "ORGANIZATION_MEMBER" {
			n++
		}
	}
	return n
}

// mostWrites is how often the token was written that was written most.
func (org *organization) mostWrites() int {
	return org.most(func(w astrosim.RoleWrite) string { return w.TokenID })
}

// mostWritesBy is how often a token was written with one credential, at most.
func (org *organization) mostWritesBy() int {
	return org.most(func(w astrosim.RoleWrite) string { return w.TokenID + " by " + w.By })
}

// rewritesFor is how many tokens' writes after their first may have been for the sake of the grants: at most one a grant.
func (org *organization) rewritesFor(late []grant) (n int) {
	grants := map[string]int{}
	for _, g := range late {
		grants[g.token.id]++
	}
	for id, writes := range org.writes(func(w astrosim.RoleWrite) string { return w.TokenID }) {
		n += min(writes-1, grants[id])
	}
	return n
}

func (org *organization) most(of func(astrosim.RoleWrite) string) int {
	most := 0
	for _, n := range org.writes(of) {
		most = max(most, n)
	}
	return most
}

// writes counts the writes of role sets by what they are of.
func (org *organization) writes(of func(astrosim.RoleWrite) string) map[string]int {
	all := map[string]int{}
	for _, w := range org.sim.Audit() {
		if !w.OutOfBand {
			all[of(w)]++
		}
	}
	return all
}
