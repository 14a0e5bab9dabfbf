package main

import (
	"fmt"
	"net/http"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// calls are those to Astro.
type calls struct {
	gets, posts, others  int
	pages, reads, lookup int // of the GETs: listings of tokens, single tokens, and of Workspaces, Deployments and roles
	throttled            int
}

func (org *organization) calls() calls {
	c := org.sim.Counts()
	n := calls{
		gets: c.ByMethod[http.MethodGet], posts: c.ByMethod[http.MethodPost],
		pages: c.ByEndpoint[astrosim.TokensList], reads: c.ByEndpoint[astrosim.TokensGet],
		throttled: c.ByStatus[http.StatusTooManyRequests],
	}
	n.others = c.Total - n.gets - n.posts
	for _, e := range []astrosim.Endpoint{
		astrosim.WorkspacesList, astrosim.WorkspacesGet, astrosim.DeploymentsList, astrosim.DeploymentsGet, astrosim.RolesList, astrosim.RolesGet,
	} {
		n.lookup += c.ByEndpoint[e]
	}
	return n
}

func (c calls) minus(o calls) calls {
	return calls{
		c.gets - o.gets, c.posts - o.posts, c.others - o.others, c.pages - o.pages, c.reads - o.reads, c.lookup - o.lookup, c.throttled - o.throttled,
	}
}

func (c calls) total() int { return c.gets + c.posts + c.others }

// notes say what the calls were.
func (c calls) notes() []string {
	return []string{
		fmt.Sprintf("get=%d", c.gets), fmt.Sprintf("post=%d", c.posts), fmt.Sprintf("token_pages=%d", c.pages),
		fmt.Sprintf("token_reads=%d", c.reads), fmt.Sprintf("lookups=%d", c.lookup), fmt.Sprintf("status429=%d", c.throttled),
	}
}
