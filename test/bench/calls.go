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
	bytes                int64 // of the answers' bodies
}

func (org *organization) calls() calls {
	c := org.sim.Counts()
	n := calls{
		gets: c.ByMethod[http.MethodGet], posts: c.ByMethod[http.MethodPost],
		pages: c.ByEndpoint[astrosim.TokensList], reads: c.ByEndpoint[astrosim.TokensGet],
		throttled: c.ByStatus[http.StatusTooManyRequests], bytes: c.BytesSent,
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
		gets: c.gets - o.gets, posts: c.posts - o.posts, others: c.others - o.others, pages: c.pages - o.pages, reads: c.reads - o.reads,
		lookup: c.lookup - o.lookup, throttled: c.throttled - o.throttled, bytes: c.bytes - o.bytes,
	}
}

func (c calls) plus(o calls) calls { return c.minus(calls{}.minus(o)) }

func (c calls) total() int { return c.gets + c.posts + c.others }

func (c calls) kibibytes() float64 { return float64(c.bytes) / 1024 }

// notes say what the calls were.
func (c calls) notes() []string {
	return []string{
		fmt.Sprintf("token_pages=%d", c.pages), fmt.Sprintf("token_reads=%d", c.reads), fmt.Sprintf("lookups=%d", c.lookup),
		fmt.Sprintf("status429=%d", c.throttled),
	}
}
