package astro

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRoleKeepsItsBytes(t *testing.T) {
	cases := map[string]struct {
		reason, raw string
		want        Role
	}{
		"plain":   {"the four known fields", `{"entityType":"DAG","entityId":"etl","deploymentId":"d1","role":"DAG_VIEWER"}`, Role{EntityType: EntityDag, EntityID: "etl", DeploymentID: "d1", Role: "DAG_VIEWER"}},
		"unknown": {"an unknown type, unknown fields and the order of fields survive", `{ "role":"R","x":{"role":"y"}, "entityType":"POOL","entityId":"p" , "n":1.50 }`, Role{EntityType: "POOL", EntityID: "p", Role: "R"}},
		"letters": {"nothing is escaped that was not", `{"entityType":"DAG_TAG","entityId":"a<b>&c\u0041","deploymentId":"d","role":"R"}`, Role{EntityType: EntityDagTag, EntityID: "a<b>&cA", DeploymentID: "d", Role: "R"}},
		"names":   {"a field counts only by its exact name", `{"entityType":"WORKSPACE","entityId":"w","EntityID":"v","Role":"X","role":"R"}`, Role{EntityType: EntityWorkspace, EntityID: "w", Role: "R"}},
		"null":    {"null is nothing", `{"entityType":"WORKSPACE","entityId":"w","deploymentId":null,"role":"R"}`, Role{EntityType: EntityWorkspace, EntityID: "w", Role: "R"}},
		"twice":   {"of a field sent twice the last counts, as in most decoders", `{"entityType":"WORKSPACE","entityId":"w","role":"A","role":"R"}`, Role{EntityType: EntityWorkspace, EntityID: "w", Role: "R"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got Role
			if err := json.Unmarshal([]byte(c.raw), &got); err != nil {
				t.Fatal(err)
			}
			if body := string(rolesBody([]Role{got, got})); body != `{"roles":[`+c.raw+`,`+c.raw+`]}` {
				t.Errorf("%s: sent %s", c.reason, body)
			}
			c.want.raw = got.raw
			if diff := cmp.Diff(c.want, got); diff != "" || got != c.want {
				t.Errorf("%s: %s", c.reason, diff)
			}
		})
	}
}

func TestRoleRefusesWhatIsNoEntry(t *testing.T) {
	for _, raw := range []string{`null`, `"x"`, `[]`, `{"role":1}`, `{"entityType":{}}`, `{`, ``} {
		var r Role
		if err := r.UnmarshalJSON([]byte(raw)); err == nil {
			t.Errorf("%s was taken for a role", raw)
		}
	}
}

func TestWithRoleChangesTheRoleOnly(t *testing.T) {
	cases := map[string]struct{ raw, want string }{
		"in place":  {`{"entityType":"POOL", "role" : "A" ,"role2":"A","x":{"role":"A"}}`, `{"entityType":"POOL", "role" : "B\"<" ,"role2":"A","x":{"role":"A"}}`},
		"twice":     {`{"role":"A","entityId":"e","role":"A"}`, `{"role":"B\"<","entityId":"e","role":"B\"<"}`},
		"not there": {`{"entityId":"e" }`, `{"entityId":"e" ,"role":"B\"<"}`},
		"empty":     {`{}`, `{"role":"B\"<"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var r Role
			if err := json.Unmarshal([]byte(c.raw), &r); err != nil {
				t.Fatal(err)
			}
			if got := r.WithRole(`B"<`); got.wire() != c.want || got.Role != `B"<` {
				t.Errorf("got %s with role %q, want %s", got.wire(), got.Role, c.want)
			}
			if r.wire() != c.raw {
				t.Errorf("the first role changed along: %s", r.wire())
			}
		})
	}
	if got := NewRole(EntityWorkspace, "w", "A").WithRole("B"); !got.Equal(NewRole(EntityWorkspace, "w", "B")) {
		t.Errorf("a role made here: %s", got.wire())
	}
}

func TestFieldSetByHandIsSent(t *testing.T) {
	var r Role
	if err := json.Unmarshal([]byte(`{"entityType":"WORKSPACE","entityId":"w","role":"A","more":1}`), &r); err != nil {
		t.Fatal(err)
	}
	r.Role, r.EntityID = "B", "v"
	if want := `{"entityType":"WORKSPACE","entityId":"v","role":"B","more":1}`; r.wire() != want {
		t.Errorf("got %s, want %s", r.wire(), want)
	}
}

func TestRoleKey(t *testing.T) {
	deployment := Role{EntityType: EntityDeployment, EntityID: "d", DeploymentID: "d", Role: "R"}
	if deployment.Key() != NewRole(EntityDeployment, "d", "").Key() {
		t.Error("the id of a Deployment says it all")
	}
	one, two := Role{EntityType: EntityDag, EntityID: "etl", DeploymentID: "d1"}, Role{EntityType: EntityDag, EntityID: "etl", DeploymentID: "d2"}
	if one.Key() == two.Key() {
		t.Error("DAGs of one name on two Deployments are two")
	}
}

func TestRoleMadeHereReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Role{
			EntityType: EntityType(rapid.String().Draw(t, "type")), EntityID: rapid.String().Draw(t, "id"),
			DeploymentID: rapid.String().Draw(t, "deployment"), Role: rapid.String().Draw(t, "role"),
		}
		var back Role
		if err := json.Unmarshal([]byte(r.wire()), &back); err != nil {
			t.Fatal(err)
		}
		if back.Key() != r.Key() || back.Role != r.Role {
			t.Fatalf("%+v came back as %+v", r, back)
		}
	})
}

func FuzzRoleRoundTrip(f *testing.F) {
	for _, seed := range []string{
		`{"entityType":"ORGANIZATION","entityId":"o","role":"ORGANIZATION_OWNER"}`,
		`{"entityType":"DAG","entityId":"é\ud800","deploymentId":"d","role":"DAG_VIEWER","x":[{"role":1}]}`,
		` { "role" : "A" , "role":"B" } `, `{}`, `null`, `{"role":null}`, `{"a":1e999,"role":"x"}`,
	} {
		f.Add([]byte(seed), "NEW")
	}
	f.Fuzz(func(t *testing.T, raw []byte, role string) {
		var r Role
		if json.Unmarshal(raw, &r) != nil {
			return
		}
		if r.wire() != strings.Trim(string(raw), " \t\r\n") {
			t.Fatalf("%q came back as %q", raw, r.wire())
		}
		changed := r.WithRole(role)
		var again Role
		if err := json.Unmarshal([]byte(changed.wire()), &again); err != nil {
			t.Fatalf("%q with role %q is %q: %v", raw, role, changed.wire(), err)
		}
		var want string // a role that is not UTF-8 is replaced as JSON demands
		if err := json.Unmarshal([]byte(quote(role)), &want); err != nil || again.Role != want || again.Key() != r.Key() {
			t.Fatalf("%q with role %q is %q", raw, role, changed.wire())
		}
		if !slices.Equal(otherFields(t, r.wire()), otherFields(t, changed.wire())) {
			t.Fatalf("%q with role %q lost something: %q", raw, role, changed.wire())
		}
	})
}

// otherFields are all fields but the role, as they stand.
func otherFields(t *testing.T, raw string) []string {
	t.Helper()
	var fields []string
	err := eachField(raw, func(name, value string, _ int) error {
		if name != "role" {
			fields = append(fields, name, value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

func TestRights(t *testing.T) {
	dag := NewRole(EntityDag, "d", "R")
	dag.DeploymentID = "x"
	roles := []Role{NewRole(EntityWorkspace, "b", "R"), dag, NewRole(EntityWorkspace, "a", "R"), NewRole(EntityWorkspace, "a", "R")}
	if diff := cmp.Diff([]string{"DAG/x/d=R", "WORKSPACE/a=R", "WORKSPACE/b=R"}, Rights(roles)); diff != "" {
		t.Error(diff)
	}
	if got := Rights(nil); got == nil || len(got) != 0 {
		t.Errorf("no roles are %#v, which is not the same as none known", got)
	}
	var many []Role
	for i := range 1000 {
		many = append(many, NewRole(EntityWorkspace, fmt.Sprint("w", i), "R"))
	}
	before := Rights(many)
	many[999].Role = "S"
	if after := Rights(many); len(after) != maxRights || slices.Equal(before, after) {
		t.Errorf("%q", after)
	}
}

// TestRightsAreFitToBeShown: what Astro calls a role goes into a status and a message. What cannot be shown of it counts all
// the same.
func TestRightsAreFitToBeShown(t *testing.T) {
	hostile := "OWNER\n{\"level\":\"info\"}\u202e\x1b[31m\u3164"
	got := Rights([]Role{NewRole(EntityOrganization, "o", hostile)})
	if want := `ORGANIZATION/o=OWNER {"level":"info"}[31m, sha256 `; len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("want %q, got %q", want, got)
	}
	other := Rights([]Role{NewRole(EntityOrganization, "o", hostile+"\u200b")})
	if slices.Equal(got, other) {
		t.Error("another role is another right, also where no font shows the difference")
	}
	long := Rights([]Role{NewRole(EntityOrganization, "o", strings.Repeat("x", 2<<20))})
	if len(long) != 1 || len(long[0]) > maxRight+40 {
		t.Errorf("%d bytes of a status", len(long[0]))
	}
}

// TestWordsInsideOfUnknownFields: what a role holds that nobody knows may have any string in it, which is no part of the JSON.
func TestWordsInsideOfUnknownFields(t *testing.T) {
	for _, unknown := range []string{
		`["x","}{"]`, `{"b":"}}}"}`, `{"a":"]","b":["{","[",{"c":": ,\\\""}]}`, `[ "a" , "}" , {"b" : "]" } ]`, `{"a":"{{","b":1}`,
	} {
		raw := `{"entityType":"WORKSPACE","more":` + unknown + `,"entityId":"w1","role":"A"}`
		var r Role
		if err := json.Unmarshal([]byte(raw), &r); err != nil || r.EntityID != "w1" || r.Role != "A" {
			t.Errorf("%s is read as %+v: %v", raw, r, err)
		}
		if got, want := r.WithRole("B").wire(), strings.Replace(raw, `"A"`, `"B"`, 1); got != want {
			t.Errorf("want %s, got %s", want, got)
		}
	}
}
