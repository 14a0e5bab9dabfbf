package astrosim

import "time"

// Every Organization has one cluster, which all its Deployments are on. Its id is that of the Organization.

type clusterWire struct {
	ID             string        `json:"id"`
	Name           string        `json:"name"`
	OrganizationID string        `json:"organizationId"`
	CloudProvider  string        `json:"cloudProvider"`
	Region         string        `json:"region"`
	Type           string        `json:"type"`
	Status         string        `json:"status"`
	DBInstanceType string        `json:"dbInstanceType"`
	VPCSubnetRange string        `json:"vpcSubnetRange"`
	DRRegion       string        `json:"drRegion"`
	IsDREnabled    bool          `json:"isDrEnabled"`
	IsLimited      bool          `json:"isLimited"`
	Health         clusterHealth `json:"healthStatus"`
	Tags           []string      `json:"tags"`
	WorkspaceIDs   []string      `json:"workspaceIds"`
	CreatedAt      time.Time     `json:"createdAt"`
	UpdatedAt      time.Time     `json:"updatedAt"`
}

type clusterHealth struct {
	Value string `json:"value"`
}

// What the cluster of an Organization is, and what its Deployments say of it.
const (
	clusterName   = "primary"
	clusterCloud  = "AWS"
	clusterRegion = "us-east-1"
	clusterType   = "DEDICATED"
)

func (o *organization) encodeCluster() []byte {
	return mustMarshal(clusterWire{
		ID: o.id, Name: clusterName, OrganizationID: o.id, CloudProvider: clusterCloud, Region: clusterRegion, Type: clusterType, Status: "CREATED",
		DBInstanceType: "db.m6g.large", VPCSubnetRange: "172.20.0.0/19", Health: clusterHealth{"HEALTHY"}, Tags: []string{}, WorkspaceIDs: []string{},
		CreatedAt: o.created, UpdatedAt: o.created,
	})
}

func (s *Sim) listClusters(c *call) (answer, *apiError) {
	if bad := oneOf(c.query, "provider", []string{"AWS", "AZURE", "GCP"}); bad != nil {
		return answer{}, bad
	}
	l := listing[*organization]{
		key: "clusters", max: 1000, sorts: metaSorts(func(o *organization) *meta { return &o.meta }),
		id: func(o *organization) string { return o.id }, encode: (*organization).encodeCluster,
	}
	kept := filter([]*organization{c.organization}, func(*organization) bool {
		return among(c.query, "names", clusterName) && among(c.query, "provider", clusterCloud)
	})
	return list(s, c, l, kept)
}

func (s *Sim) getCluster(c *call) (answer, *apiError) {
	if c.id != c.organization.id {
		return answer{}, notFound("cluster", c.id)
	}
	return ok(c.organization.encodeCluster()), nil
}
