package astro

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// TestSharesOfMemory: what tenants take, in whatever order, leaves the operator a third and the next tenant something, and all of it
// comes back.
func TestSharesOfMemory(t *testing.T) {
	const listing = 12 << 20
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		m := NewMemory(listing)
		all := make([]*holding, 40)
		for i := range all {
			tenant := fmt.Sprintf("team-%d", i%5)
			if i%8 == 0 {
				tenant = ""
			}
			all[i] = &holding{share: m.Of(tenant)}
		}
		for range 2000 {
			h := all[random.IntN(len(all))]
			if random.IntN(3) == 0 {
				h.set(random.IntN(h.bytes + 1))
			} else if had, want := h.bytes, random.IntN(withNext(listing)); !h.reach(want) && h.bytes != had {
				t.Fatalf("seed %d: %d bytes are refused, and %d are %d", seed, want, had, h.bytes)
			}
			sum := 0
			for _, h := range all {
				sum += h.bytes
			}
			if sum != m.Held() || sum > m.most {
				t.Fatalf("seed %d: %d bytes are held of %d, and %d counted", seed, sum, m.most, m.Held())
			}
			if tenants := m.used - m.by[""]; tenants > m.most-m.most/3 {
				t.Fatalf("seed %d: tenants have %d of %d", seed, tenants, m.most)
			}
		}
		for _, h := range all {
			h.set(0)
		}
		if m.Held() != 0 || len(m.by) != 0 {
			t.Fatalf("seed %d: %d bytes are left, of %v", seed, m.Held(), m.by)
		}
	}
}

func TestAllowedMemory(t *testing.T) {
	const most = withNextOf48
	cases := map[string]struct {
		reason string
		held   map[string]int // MiB
		tenant string
		want   int // MiB
	}{
		"Alone":          {"One tenant has room for the largest listing, and for the next one.", nil, "a", most},
		"OperatorAlone":  {"The operator's own connections may have everything.", nil, "", 2 * most},
		"Beside":         {"Beside a greedy tenant, the operator has room for the largest listing.", map[string]int{"a": most}, "", most},
		"Second":         {"Another tenant has something, too.", map[string]int{"a": most}, "b", 15},
		"Third":          {"And another.", map[string]int{"a": most, "b": 15}, "c", 3},
		"OperatorsThird": {"A third is the operator's, however many tenants there are.", map[string]int{"a": most, "b": 15, "c": 3, "d": 2}, "", 40},
		"OperatorLarge":  {"What the operator has beyond it, tenants have not.", map[string]int{"": 80}, "a", 30},
		"OwnPart":        {"What a tenant has does not count against it.", map[string]int{"a": 20}, "a", most},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := NewMemory(48 << 20)
			for tenant, mib := range c.held {
				h := holding{share: m.Of(tenant)}
				h.set(mib << 20)
			}
			if got := m.allowed(c.tenant) >> 20; got != c.want {
				t.Errorf("%s\n%d MiB, want %d", c.reason, got, c.want)
			}
		})
	}
}

// withNextOf48 is what the largest listing takes that is read by default, in MiB.
const withNextOf48 = 60

// grown is a world with many tokens, each of which holds many roles.
func grown(t *testing.T, tokens, roles int) *world {
	t.Helper()
	w := newWorld(t, astrosim.Options{})
	w.grow(tokens, roles)
	return w
}

func (w *world) grow(tokens, roles int) {
	var held []astrosim.Role
	for i := range roles {
		held = append(held, astrosim.Role{EntityType: "WORKSPACE", EntityID: w.AddWorkspace(w.org, fmt.Sprintf("w%d", i)), Role: "WORKSPACE_MEMBER"})
	}
	for i := range tokens {
		id := w.AddOrganizationToken(w.org, fmt.Sprintf("t%d", i), "ORGANIZATION_MEMBER")
		w.SetRoles(id, append(slices.Clone(held), astrosim.Role{EntityType: "ORGANIZATION", EntityID: w.org, Role: "ORGANIZATION_MEMBER"})...)
	}
}

// of is a directory of a tenant in the world.
func (w *world) of(m *Memory, tenant string, maxListing int) *Directory {
	o := w.client.opts
	o.Memory, o.MaxListing, o.Credential = m.Of(tenant), maxListing, w.Credential(w.self)
	return NewDirectory(NewClient(o), DirectoryOptions{SelfID: w.self})
}

// inUse is what the heap holds.
func inUse() int {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int(s.HeapAlloc)
}

// TestListingsOfManyConnectionsAreBounded: a namespace makes connections without number to a large Organization.
func TestListingsOfManyConnectionsAreBounded(t *testing.T) {
	const most = 2 << 20
	w := grown(t, 300, 25)
	m := NewMemory(most)
	before := inUse()
	var many []*Directory
	var complete int
	for range 16 {
		d := w.of(m, "greedy", most)
		many = append(many, d)
		_, err := d.Refresh(t.Context())
		if err == nil {
			complete++
			continue
		}
		if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "no memory is left for it: all connections share 5 MiB") ||
			!strings.Contains(err.Error(), "fewer connections to large Organizations, or raise --max-listing-mib and the memory limit") {
			t.Fatalf("the listing is refused for another reason: %v", err)
		}
		if _, listed := d.Known(w.ci); listed {
			t.Error("a listing that was refused leaves rows")
		}
	}
	if complete == 0 || complete == len(many) {
		t.Errorf("%d of %d listings are complete", complete, len(many))
	}
	if held := inUse() - before; held > 2*m.most {
		t.Errorf("%d MiB are in use where %d are to be", held>>20, m.most>>20)
	}
	operators := w.of(m, "", most)
	refreshedAll(t, "the operator's own", operators)
	small := newWorld(t, astrosim.Options{}).of(m, "modest", most)
	refreshedAll(t, "another namespace's", small)
	for _, d := range many {
		if _, err := d.Refresh(t.Context()); d.size > 0 && err != nil {
			t.Errorf("who has listed before lists again, whatever others have: %v", err)
		}
	}
	for _, d := range slices.Concat(many, []*Directory{operators, small}) {
		d.Close()
	}
	if m.Held() != 0 {
		t.Errorf("%d bytes are left once every connection is gone", m.Held())
	}
	refreshedAll(t, "one that is made after they are gone", w.of(m, "greedy", most))
}

func refreshedAll(t *testing.T, whose string, d *Directory) {
	t.Helper()
	if _, err := d.Refresh(t.Context()); err != nil {
		t.Fatalf("%s listing: %v", whose, err)
	}
}

// TestNextListingSharesRoles: the next listing of what is as it was takes up little beside the one before.
func TestNextListingSharesRoles(t *testing.T) {
	const most = 4 << 20
	w := grown(t, 300, 25)
	m := NewMemory(most)
	d := w.of(m, "team", most)
	refreshedAll(t, "the first", d)
	size, roles := d.size, &d.rows[w.ci].token.Roles[0]
	greedy := holding{share: m.Of("greedy")}
	greedy.set(m.most) // nothing is left
	w.UseToken(w.ci)
	refreshedAll(t, "the next", d)
	if &d.rows[w.ci].token.Roles[0] != roles {
		t.Error("roles that are the same are in memory twice")
	}
	w.GrantRole(w.ci, "WORKSPACE", w.ws, "WORKSPACE_MEMBER")
	refreshedAll(t, "one that shows a change", d)
	if got, _ := d.Known(w.ci); got.RoleOn(RoleKey{EntityType: EntityWorkspace, EntityID: w.ws}) != "WORKSPACE_MEMBER" || d.size <= size {
		t.Errorf("what was granted is not seen: %v", got.Roles)
	}
	for i := range 300 {
		w.AddOrganizationToken(w.org, fmt.Sprintf("new-%d-%s", i, strings.Repeat("x", 3000)), "ORGANIZATION_MEMBER")
	}
	if _, err := d.Refresh(t.Context()); !errors.Is(err, ErrIncomplete) {
		t.Errorf("more than is left is read: %v", err)
	}
	if got, listed := d.Known(w.ci); !listed || len(got.Roles) == 0 {
		t.Error("what was known is gone with a listing for which there was no memory")
	}
}

// TestRowsByIDAreBounded: where no memory is left, a token that is read by id stays known, and not its roles.
func TestRowsByIDAreBounded(t *testing.T) {
	const most = 1 << 20
	w := newWorld(t, astrosim.Options{})
	m := NewMemory(most)
	d := w.of(m, "team", most)
	refreshedAll(t, "the first", d)
	read, err := d.client.GetToken(t.Context(), w.ci)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		read.Roles = append(read.Roles, NewRole(EntityDag, fmt.Sprint(i), strings.Repeat("x", 500)))
		read.Roles[i].raw = strings.Repeat("x", 500)
	}
	d.Record(read, time.Now())
	if got, listed := d.Known(w.ci); !listed || got.RolesKnown || len(got.Roles) > 0 || got.Name != read.Name {
		t.Errorf("listed: %t, %d roles", listed, len(got.Roles))
	}
	d.Record(Token{ID: "new", Name: "new", RolesKnown: true, Roles: []Role{NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")}}, time.Now())
	if got, _ := d.Known("new"); !got.RolesKnown {
		t.Error("there is memory for a small row")
	}
	refreshedAll(t, "the next", d)
	if m.Held() > withNext(most) {
		t.Errorf("%d bytes are held", m.Held())
	}
}
