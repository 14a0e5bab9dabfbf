package astrosim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// Seed is what a seed file says: who and what there is when the simulated Astro starts, and how it behaves.
// Workspaces and Deployments are referred to by name (a Deployment also as workspace/deployment) or by id.
type Seed struct {
	Organizations []SeedOrganization `json:"organizations"`
	Behaviour     map[string]string  `json:"behaviour,omitempty"`
	Faults        []Fault            `json:"faults,omitempty"`
}

// SeedOrganization is an Organization with all that is in it.
type SeedOrganization struct {
	SeedEntity
	CustomRoles []SeedCustomRole `json:"customRoles,omitempty"`
	Workspaces  []SeedWorkspace  `json:"workspaces,omitempty"`
	Tokens      []SeedToken      `json:"tokens,omitempty"`
}

// SeedEntity is what everything may have.
type SeedEntity struct {
	Name        string    `json:"name"`
	ID          string    `json:"id,omitempty"`
	Description string    `json:"description,omitempty"`
	CreatedBy   string    `json:"createdBy,omitempty"`
	CreatedAt   time.Time `json:"createdAt,omitzero"`
}

// SeedCustomRole is a custom role, of scope DEPLOYMENT if not given.
type SeedCustomRole struct {
	SeedEntity
	Scope                string   `json:"scope,omitempty"`
	RestrictedWorkspaces []string `json:"restrictedWorkspaces,omitempty"`
	Permissions          []string `json:"permissions,omitempty"`
}

// SeedWorkspace is a Workspace with its Deployments and its own tokens.
type SeedWorkspace struct {
	SeedEntity
	Deployments []SeedDeployment `json:"deployments,omitempty"`
	Tokens      []SeedToken      `json:"tokens,omitempty"`
}

// SeedDeployment is a Deployment with its own tokens.
type SeedDeployment struct {
	SeedEntity
	Status               string      `json:"status,omitempty"`
	EnvironmentVariables *int        `json:"environmentVariables,omitempty"`
	Tokens               []SeedToken `json:"tokens,omitempty"`
}

// SeedToken is a token made in the entity under which it stands.
type SeedToken struct {
	SeedEntity
	Role          string     `json:"role"` // on its own scope
	Kind          string     `json:"kind,omitempty"`
	ExpiresInDays int        `json:"expiresInDays,omitempty"`
	EndAt         *time.Time `json:"endAt,omitempty"`
	Secret        bool       `json:"secret,omitempty"` // the program writes its credential out
	Roles         []SeedRole `json:"roles,omitempty"`  // besides that on its own scope
}

// SeedRole is one further role of a token: on a Workspace, on a Deployment, or on a DAG or DAG tag of a Deployment;
// or JSON that is stored as it stands, for what the simulator does not know.
type SeedRole struct {
	Workspace  string `json:"workspace,omitempty"`
	Deployment string `json:"deployment,omitempty"`
	DAG        string `json:"dag,omitempty"`
	DAGTag     string `json:"dagTag,omitempty"`
	Role       string `json:"role,omitempty"`
	JSON       string `json:"json,omitempty"`
}

// Planted is what a seed made that its owner wants to know.
type Planted struct {
	Secrets []string // ids of the tokens whose credential is asked for
}

// ReadSeed reads a seed file. A field that it does not know is an error.
func ReadSeed(data []byte) (Seed, error) {
	var seed Seed
	if err := yaml.UnmarshalStrict(data, &seed); err != nil {
		return Seed{}, fmt.Errorf("read seed: %w", err)
	}
	return seed, nil
}

// Plant adds what the seed says and makes it the state that Reset goes back to.
func (s *Sim) Plant(seed Seed) (Planted, error) {
	for _, name := range slices.Sorted(maps.Keys(seed.Behaviour)) {
		if err := s.SetBehaviour(name, Choice(seed.Behaviour[name])); err != nil {
			return Planted{}, err
		}
	}
	p := planter{sim: s, ids: map[string]string{}}
	for _, o := range seed.Organizations {
		if err := p.organization(o); err != nil {
			return Planted{}, err
		}
	}
	s.Checkpoint()
	for _, f := range seed.Faults {
		if err := f.check(); err != nil {
			return Planted{}, err
		}
		s.Inject(f)
	}
	return p.planted, nil
}

type planter struct {
	sim     *Sim
	ids     map[string]string // by kind and name, for references
	tokens  []pendingTokens   // they come last, since their roles refer to everything else
	planted Planted
}

// pendingTokens are the tokens of one home.
type pendingTokens struct {
	tokens []SeedToken
	home   string
	add    func(home, name, role string, with ...With) string
}

func (p *planter) organization(o SeedOrganization) error {
	p.ids, p.tokens = map[string]string{}, nil
	org := p.sim.AddOrganization(o.Name, o.with()...)
	p.tokens = append(p.tokens, pendingTokens{o.Tokens, org, p.sim.AddOrganizationToken})
	for _, w := range o.Workspaces {
		p.workspace(org, w)
	}
	for _, r := range o.CustomRoles {
		if err := p.customRole(org, r); err != nil {
			return err
		}
	}
	for _, pending := range p.tokens {
		if err := p.addTokens(pending); err != nil {
			return err
		}
	}
	return nil
}

func (p *planter) workspace(org string, w SeedWorkspace) {
	id := p.sim.AddWorkspace(org, w.Name, w.with()...)
	p.know("workspace", id, w.Name)
	p.tokens = append(p.tokens, pendingTokens{w.Tokens, id, p.sim.AddWorkspaceToken})
	for _, d := range w.Deployments {
		with := d.with()
		if d.Status != "" {
			with = append(with, Status(d.Status))
		}
		if d.EnvironmentVariables != nil {
			with = append(with, EnvironmentVariables(*d.EnvironmentVariables))
		}
		deployment := p.sim.AddDeployment(id, d.Name, with...)
		p.know("deployment", deployment, d.Name, w.Name+"/"+d.Name)
		p.tokens = append(p.tokens, pendingTokens{d.Tokens, deployment, p.sim.AddDeploymentToken})
	}
}

func (p *planter) customRole(org string, r SeedCustomRole) error {
	if r.Scope == "" {
		r.Scope = TypeDeployment
	}
	with := append(r.with(), Permissions(r.Permissions...))
	for _, name := range r.RestrictedWorkspaces {
		id, err := p.find("workspace", name)
		if err != nil {
			return fmt.Errorf("custom role %s: %w", r.Name, err)
		}
		with = append(with, RestrictedTo(id))
	}
	p.sim.AddCustomRole(org, r.Name, r.Scope, with...)
	return nil
}

func (p *planter) addTokens(pending pendingTokens) error {
	for _, t := range pending.tokens {
		with := t.with()
		if t.Kind != "" {
			with = append(with, Kind(t.Kind))
		}
		if t.EndAt != nil {
			with = append(with, Expires(*t.EndAt))
		}
		with = append(with, ExpiresInDays(t.ExpiresInDays))
		for _, r := range t.Roles {
			role, err := p.role(r)
			if err != nil {
				return fmt.Errorf("token %s: %w", t.Name, err)
			}
			with = append(with, Roles(role))
		}
		id := pending.add(pending.home, t.Name, t.Role, with...)
		if t.Secret {
			p.planted.Secrets = append(p.planted.Secrets, id)
		}
	}
	return nil
}

func (p *planter) role(r SeedRole) (Role, error) {
	if r.JSON != "" {
		if !json.Valid([]byte(r.JSON)) {
			return Role{}, fmt.Errorf("role %q is not JSON", r.JSON)
		}
		return parseRole([]byte(strings.TrimSpace(r.JSON)))
	}
	if r.Workspace != "" {
		id, err := p.find("workspace", r.Workspace)
		return WorkspaceRole(id, r.Role), err
	}
	id, err := p.find("deployment", r.Deployment)
	switch {
	case r.DAG != "":
		return DAGRole(id, r.DAG, r.Role), err
	case r.DAGTag != "":
		return DAGTagRole(id, r.DAGTag, r.Role), err
	}
	return DeploymentRole(id, r.Role), err
}

// ambiguous stands for a name that several entities have.
const ambiguous = "?"

func (p *planter) know(kind, id string, names ...string) {
	p.ids[kind+" "+id] = id
	for _, name := range names {
		if _, taken := p.ids[kind+" "+name]; taken {
			p.ids[kind+" "+name] = ambiguous
			continue
		}
		p.ids[kind+" "+name] = id
	}
}

func (p *planter) find(kind, nameOrID string) (string, error) {
	id := p.ids[kind+" "+nameOrID]
	if id == "" || id == ambiguous {
		return "", fmt.Errorf("%q is not the name or id of exactly one %s", nameOrID, kind)
	}
	return id, nil
}

func (e SeedEntity) with() []With {
	var with []With
	if e.ID != "" {
		with = append(with, ID(e.ID))
	}
	if e.Description != "" {
		with = append(with, Description(e.Description))
	}
	if e.CreatedBy != "" {
		with = append(with, CreatedBy(e.CreatedBy))
	}
	if !e.CreatedAt.IsZero() {
		with = append(with, CreatedAt(e.CreatedAt))
	}
	return with
}
