package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

const (
	role        = "DEPLOYMENT_ADMIN"
	foreignRole = "WORKSPACE_MEMBER"
	// perWorkspace is how many Deployments lie in one Workspace.
	perWorkspace = 10
)

// organization is one in a simulated Astro, with tokens and Deployments for so many bindings.
type organization struct {
	sim    *astrosim.Sim
	id     string
	secret string // the operator's credential
	office string // a Workspace on which every token has a role that nobody declares
	tokens []named
	grants []grant
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
}

// newOrganization starts a simulated Astro with an Organization for the size. The order of its grants is shuffled.
func newOrganization(o astrosim.Options, s size) (*organization, error) {
	sim := astrosim.New(o)
	if _, err := sim.Start(); err != nil {
		return nil, err
	}
	org := &organization{sim: sim, id: sim.AddOrganization("Acme")}
	org.secret = sim.Credential(sim.AddOrganizationToken(org.id, "operator", "ORGANIZATION_OWNER"))
	org.office = sim.AddWorkspace(org.id, "office")
	for i := range s.tokens {
		name := fmt.Sprintf("ci-%04d", i)
		foreign := astrosim.WorkspaceRole(org.office, foreignRole)
		id := sim.AddOrganizationToken(org.id, name, "ORGANIZATION_MEMBER", astrosim.Roles(foreign))
		org.tokens = append(org.tokens, named{id, name})
	}
	org.build(s)
	random := rand.New(rand.NewPCG(o.Seed, uint64(s.bindings)))
	random.Shuffle(len(org.grants), func(i, j int) { org.grants[i], org.grants[j] = org.grants[j], org.grants[i] })
	return org, nil
}

func (org *organization) build(s size) {
	workspace := ""
	for i := range s.bindings {
		if i%perWorkspace == 0 {
			workspace = org.sim.AddWorkspace(org.id, fmt.Sprintf("team-%04d", i/perWorkspace))
		}
		name := fmt.Sprintf("etl-%05d", i)
		target := deployment{named{org.sim.AddDeployment(workspace, name), name}, workspace}
		org.grants = append(org.grants, grant{fmt.Sprintf("grant-%05d", i), org.tokens[i%s.tokens], target})
	}
}

// lost is how many of the grants Astro does not hold.
func (org *organization) lost(grants []grant) (n int) {
	for _, g := range grants {
		if org.sim.RoleOn(g.token.id, astrosim.TypeDeployment, g.target.id) != role {
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
	most, writes := 0, map[string]int{}
	for _, w := range org.sim.Audit() {
		if w.OutOfBand {
			continue
		}
		writes[w.TokenID]++
		most = max(most, writes[w.TokenID])
	}
	return most
}
