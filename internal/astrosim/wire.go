package astrosim

import (
	"bytes"
	"slices"
	"strconv"
	"time"
)

type tokenWire struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Scope       string     `json:"scope,omitempty"`
	Type        string     `json:"type,omitempty"` // the scope in v1beta1
	Kind        string     `json:"kind"`
	ShortToken  string     `json:"shortToken"`
	Token       string     `json:"token,omitempty"`
	StartAt     time.Time  `json:"startAt"`
	EndAt       *time.Time `json:"endAt,omitempty"`
	ExpiryDays  int        `json:"expiryPeriodInDays,omitempty"`
	LastUsed    *time.Time `json:"lastUsedAt,omitempty"`
	LastRotated *time.Time `json:"lastRotatedAt,omitempty"`
	CreatedAt   time.Time  `json:"createdAt"`
	UpdatedAt   time.Time  `json:"updatedAt"`
	CreatedBy   profile    `json:"createdBy"`
	UpdatedBy   profile    `json:"updatedBy"`
}

func (t *token) wire(beta bool) tokenWire {
	w := tokenWire{
		ID: t.id, Name: t.name, Description: t.description, Scope: t.scope, Kind: t.kind, ShortToken: shortToken(t.credential),
		StartAt: t.start, EndAt: t.end, ExpiryDays: t.expiryDays, LastUsed: t.used, LastRotated: t.rotated,
		CreatedAt: t.created, UpdatedAt: t.updated, CreatedBy: t.createdBy, UpdatedBy: t.updatedBy,
	}
	if beta {
		w.Scope, w.Type = "", t.scope
	}
	return w
}

// encode is the token as Astro returns it. Its roles go in as the bytes they are stored as.
func (c *call) encode(t *token, roles []Role) []byte {
	return withRoles(mustMarshal(t.wire(c.beta)), roles)
}

// encodeSecret is the token with its secret, as create and rotate return it.
func (c *call) encodeSecret(t *token) []byte {
	w := t.wire(c.beta)
	w.Token = t.credential
	return withRoles(mustMarshal(w), t.roles)
}

func withRoles(object []byte, roles []Role) []byte {
	parts := make([][]byte, 0, len(roles))
	for _, r := range roles {
		parts = append(parts, r.Raw)
	}
	return slices.Concat(object[:len(object)-1], []byte(`,"roles":[`), bytes.Join(parts, []byte(",")), []byte("]}"))
}

type entityWire struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
	CreatedBy   profile   `json:"createdBy"`
	UpdatedBy   profile   `json:"updatedBy"`
}

func (m *meta) wire() entityWire {
	return entityWire{m.id, m.name, m.description, m.created, m.updated, m.createdBy, m.updatedBy}
}

func (w *workspace) encode() []byte {
	return mustMarshal(struct {
		entityWire
		OrganizationID   string `json:"organizationId"`
		OrganizationName string `json:"organizationName"`
		CicdEnforced     bool   `json:"cicdEnforcedDefault"`
	}{w.wire(), w.org.id, w.org.name, false})
}

type roleWire struct {
	entityWire
	ScopeType   string   `json:"scopeType"`
	Restricted  []string `json:"restrictedWorkspaceIds"`
	Permissions []string `json:"permissions,omitempty"`
}

func (r *customRole) wire() roleWire {
	return roleWire{r.meta.wire(), r.scope, append([]string{}, r.restricted...), nil}
}

type productPlan struct {
	Product        string `json:"astronomerProduct"`
	OrganizationID string `json:"organizationId"`
	PlanID         string `json:"productPlanId"`
	PlanName       string `json:"productPlanName"`
}

type organizationWire struct {
	entityWire
	Status            string        `json:"status,omitempty"`
	Product           string        `json:"product,omitempty"`
	BillingEmail      string        `json:"billingEmail,omitempty"`
	PaymentMethod     string        `json:"paymentMethod,omitempty"`
	SCIM              bool          `json:"isScimEnabled"`
	SupportAccess     bool          `json:"allowEnhancedSupportAccess"`
	IPRanges          bool          `json:"hasAllowedIpAddressRanges"`
	AIBlocked         bool          `json:"isBlockedEnableAiFeatures"`
	DedicatedClusters bool          `json:"shouldEnforceDedicatedClusters"`
	ProductPlans      []productPlan `json:"productPlans"`
	ManagedDomains    []string      `json:"managedDomains,omitempty"`
	SupportPlan       string        `json:"supportPlan,omitempty"` // of v1beta1
}

// encode is the Organization; a look-up gets its metadata only.
func (o *organization) encode(lookUpOnly, beta bool) []byte {
	w := organizationWire{entityWire: o.wire(), Status: "ACTIVE", Product: organizationProduct, ProductPlans: []productPlan{}}
	if !lookUpOnly {
		w.BillingEmail, w.PaymentMethod = "billing@example.com", "CREDIT_CARD"
		w.ProductPlans = []productPlan{{"ASTRO", o.id, o.id, organizationPlan}}
	}
	if beta {
		w.SupportPlan = "BUSINESS_CRITICAL"
	}
	return mustMarshal(w)
}

type environmentVariable struct {
	Key       string    `json:"key"`
	Value     string    `json:"value,omitempty"`
	IsSecret  bool      `json:"isSecret"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// environment is made up anew for each answer: it is there for its bytes.
func (d *deployment) environment() []environmentVariable {
	variables := make([]environmentVariable, d.variables)
	for i := range variables {
		name := "AIRFLOW_VAR_SETTING_" + strconv.Itoa(i)
		variables[i] = environmentVariable{name, "https://config.example.com/" + d.id + "/" + name, false, d.updated}
		if i%4 == 3 {
			variables[i].Value, variables[i].IsSecret = "", true
		}
	}
	return slices.Clip(variables)
}
