package apirules

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

const leastConnection = `{organizationId: <org>, credentialsSecretRef: {name: astro}}`

// connectionCases are held against both kinds, which share one spec.
var connectionCases = map[string]struct {
	reason, spec string
	want         []string
}{
	"Least": {"An Organization and a Secret.", leastConnection, accepted},
	"AllFields": {"Every field at once.", `{organizationId: <org:26>, apiURL: "http://127.0.0.1:8080", credentialsSecretRef: {name: astro.api, key: API_TOKEN.v1},
		sweepInterval: 1h30m, rateLimit: {readsPerSecond: 1, writesPerSecond: 1000}, mode: Observe, deletionPolicy: Retain, onWithdrawal: Revoke, danglingRoles: Drop, maxRevocationsPerSweep: 20, allow: [{namespaces: {names: [a]},
		tokens: [{scope: Workspace, ids: [<tok>], namePrefixes: [ci-], workspaceIds: [<ws>]}], targets: [{workspaceIds: [<ws>]}, {deploymentIds: [<dep>]}], roles: [DEPLOYMENT_ADMIN, Deploy Only], inventory: true}]}`, accepted},
	"Empty":             {"All that is required is named.", `{}`, refused("spec.organizationId: Required value", "spec.credentialsSecretRef: Required value")},
	"OrganizationName":  {"The Organization is named by its id.", `{organizationId: Acme, credentialsSecretRef: {name: astro}}`, refused("spec.organizationId", "should match")},
	"EmptyOrganization": {"Empty is no id.", `{organizationId: "", credentialsSecretRef: {name: astro}}`, refused("spec.organizationId", "at least 1 chars long")},
	"UnknownField":      {"A typing error is told.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, organisation: acme}`, refused(`unknown field "spec.organisation"`)},

	"SecretWithoutName":      {"A Secret has a name.", `{organizationId: <org>, credentialsSecretRef: {key: token}}`, refused("spec.credentialsSecretRef.name: Required value")},
	"SecretEmptyName":        {"Empty is no name.", `{organizationId: <org>, credentialsSecretRef: {name: ""}}`, refused("spec.credentialsSecretRef.name", "at least 1 chars long")},
	"SecretOfOtherNamespace": {"No Secret of another namespace can be named.", `{organizationId: <org>, credentialsSecretRef: {name: astro, namespace: kube-system}}`, refused(`unknown field "spec.credentialsSecretRef.namespace"`)},
	"SecretPath":             {"Nor by a path.", `{organizationId: <org>, credentialsSecretRef: {name: kube-system/astro}}`, refused("spec.credentialsSecretRef.name", "should match")},
	"SecretEmptyKey":         {"An empty key is none.", `{organizationId: <org>, credentialsSecretRef: {name: astro, key: ""}}`, refused("spec.credentialsSecretRef.key", "at least 1 chars long")},
	"SecretKeyPath":          {"A key is one of a Secret's.", `{organizationId: <org>, credentialsSecretRef: {name: astro, key: a/b}}`, refused("spec.credentialsSecretRef.key", "should match")},
	"SecretInline":           {"The secret itself has no place here.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, token: secret}`, refused(`unknown field "spec.token"`)},

	"Mode":             {"A mode is Enforce or Observe.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, mode: DryRun}`, refused("spec.mode: Unsupported value", `"Enforce", "Observe"`)},
	"Deletion":         {"A deletion policy is Revoke or Retain.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, deletionPolicy: Delete}`, refused("spec.deletionPolicy: Unsupported value", `"Revoke", "Retain"`)},
	"Withdrawal":       {"Withdrawal is Freeze or Revoke.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, onWithdrawal: Delete}`, refused("spec.onWithdrawal: Unsupported value", `"Freeze", "Revoke"`)},
	"Dangling":         {"Dangling roles are kept or dropped.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, danglingRoles: Delete}`, refused("spec.danglingRoles: Unsupported value", `"Keep", "Drop"`)},
	"RevocationsOne":   {"A limit of one is one.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, maxRevocationsPerSweep: 1}`, accepted},
	"RevocationsNone":  {"No limit is said by leaving it out; none at all would hold up every deletion.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, maxRevocationsPerSweep: 0}`, refused("spec.maxRevocationsPerSweep", "greater than or equal to 1")},
	"RevocationsMinus": {"Less than nothing is nothing.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, maxRevocationsPerSweep: -1}`, refused("spec.maxRevocationsPerSweep", "greater than or equal to 1")},
	"RevocationsMany":  {"100000 are the most.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, maxRevocationsPerSweep: 100001}`, refused("spec.maxRevocationsPerSweep", "less than or equal to 100000")},
	"RevocationsPart":  {"A number, no share.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, maxRevocationsPerSweep: 10%}`, refused("spec.maxRevocationsPerSweep", "must be of type integer")},

	"ReadsZero":   {"A rate of 0 would stop everything.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, rateLimit: {readsPerSecond: 0}}`, refused("spec.rateLimit.readsPerSecond", "greater than or equal to 1")},
	"WritesZero":  {"The same for writes.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, rateLimit: {writesPerSecond: 0}}`, refused("spec.rateLimit.writesPerSecond", "greater than or equal to 1")},
	"ReadsMany":   {"1000 are the most.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, rateLimit: {readsPerSecond: 1001}}`, refused("spec.rateLimit.readsPerSecond", "less than or equal to 1000")},
	"WritesMany":  {"1000 are the most.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, rateLimit: {writesPerSecond: 1001}}`, refused("spec.rateLimit.writesPerSecond", "less than or equal to 1000")},
	"WritesMinus": {"Less than nothing is nothing.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, rateLimit: {writesPerSecond: -1}}`, refused("spec.rateLimit.writesPerSecond", "greater than or equal to 1")},
	"ReadsPart":   {"Whole numbers.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, rateLimit: {readsPerSecond: 2.5}}`, refused("spec.rateLimit.readsPerSecond", "must be of type integer")},
	"EmptyRates":  {"No rate is the default.", `{organizationId: <org>, credentialsSecretRef: {name: astro}, rateLimit: {}}`, accepted},
}

func TestCreateConnection(t *testing.T) {
	for _, kind := range []string{"AstroConnection", "ClusterAstroConnection"} {
		for name, tc := range connectionCases {
			t.Run(kind+"/"+name, func(t *testing.T) {
				_, err := create(t, manifest(t, kind, tc.spec))
				check(t, tc.reason, err, tc.want)
			})
		}
	}
}

func TestAPIURL(t *testing.T) {
	const (
		wantForm    = "spec.apiURL must be https://host or https://host:port, in lower case and without a path"
		wantNoPort  = "spec.apiURL must leave out the port that is meant anyway"
		wantNothing = "at least 1 chars long"
	)
	cases := map[string]string{
		"https://api.astronomer.io":           "",
		"https://api.astronomer.io:8443":      "",
		"http://localhost:8080":               "",
		"http://127.0.0.1:443":                "",
		"https://a-b.c--d.example:80":         "",
		"":                                    wantNothing,
		"api.astronomer.io":                   wantForm,
		"https://":                            wantForm,
		"https://API.astronomer.io":           wantForm,
		"HTTPS://api.astronomer.io":           wantForm,
		"https://api.astronomer.io/":          wantForm,
		"https://api.astronomer.io/v1":        wantForm,
		"https://api.astronomer.io.":          wantForm,
		"https://api..astronomer.io":          wantForm,
		"https://.":                           wantForm,
		"https://-":                           wantForm,
		"https://api.astronomer.io?x=y":       wantForm,
		"https://api.astronomer.io#x":         wantForm,
		"https://user:secret@astronomer.i":    wantForm,
		"https://api.astronomer.io:":          wantForm,
		"https://api.astronomer.io:0443":      wantForm,
		"https://api.astronomer.io:123456":    wantForm,
		"https://api.astronomer.io:443":       wantNoPort,
		"http://api.astronomer.io:80":         wantNoPort,
		"ftp://api.astronomer.io":             wantForm,
		"file:///etc/passwd":                  wantForm,
		"https://api.astronomer.io\n":         wantForm,
		"\thttps://api.astronomer.io":         wantForm,
		"https://" + strings.Repeat("a", 249): "Too long",
	}
	for url, want := range cases {
		t.Run(url, func(t *testing.T) {
			_, err := create(t, manifest(t, "AstroConnection", fmt.Sprintf(`{organizationId: <org>, credentialsSecretRef: {name: astro}, apiURL: %q}`, url)))
			check(t, "One Astro is written in one way: its host is part of every token's key.", err, words(want))
		})
	}
}

// TestSweepInterval matters beyond manners: what the API server takes and Go cannot read would stop every watch.
func TestSweepInterval(t *testing.T) {
	const want = "spec.sweepInterval must be a duration from 5s to 24h, such as 30s, 5m or 1h30m"
	cases := map[string]string{
		`5s`: "", `5m`: "", `5m0s`: "", `1h30m`: "", `24h`: "", `24h0m0s`: "", `1440m`: "", `86400s`: "", `5.5s`: "", `90.000000001s`: "", `300s`: "",
		`""`: "at least 1 chars long", `0`: "must be of type string", `300`: "must be of type string", `[5m]`: "must be of type string", `"300"`: want, `0s`: want, `4s`: want, `4.999s`: want,
		`-5m`: want, `+5m`: want, `5 m`: want, `5min`: want, `5M`: want, `1d`: want, `soon`: want, `"5m\n"`: want, `P1D`: want, `m`: want, `.5h`: want, `1e3s`: want, `5m5m`: want, `1m1h`: want,
		`24h1s`: want, `25h`: want, `86401s`: want, `99999h`: want, `99999h999999m9999999s`: want, `2562048h`: want, `9223372036854775808ns`: want, `99999999999999999999h`: want,
		`"` + strings.Repeat("9", 40) + `h"`: "Too long",
	}
	for interval, want := range cases {
		t.Run(interval, func(t *testing.T) {
			_, err := create(t, manifest(t, "AstroConnection", `{organizationId: <org>, credentialsSecretRef: {name: astro}, sweepInterval: `+interval+`}`))
			check(t, "A duration is readable, neither tiny nor endless.", err, words(want))
		})
	}
}

func words(want string) []string {
	if want == "" {
		return accepted
	}
	return refused(want)
}

func TestUpdateConnection(t *testing.T) {
	const everything = `{organizationId: <org>, credentialsSecretRef: {name: astro}, apiURL: "https://astro.example", sweepInterval: 1m, allow: [{namespaces: {names: ["*"]}, tokens: [{scope: Organization, ids: ["*"]}], targets: [{workspaceIds: ["*"]}], roles: ["*"]}]}`
	cases := map[string]struct {
		reason, spec, patch string
		want                []string
	}{
		"Organization":   {"An Organization stays.", everything, `{organizationId: <other>}`, refused("spec.organizationId cannot be changed; make another connection")},
		"NoOrganization": {"It cannot be taken out.", everything, `{organizationId: null}`, refused("spec.organizationId: Required value")},
		"URL":            {"A host stays.", everything, `{apiURL: "https://other.example"}`, refused("spec.apiURL cannot be changed; make another connection")},
		"URLFromDefault": {"The default stays as well.", leastConnection, `{apiURL: "https://astro.example"}`, refused("spec.apiURL cannot be changed")},
		"NoURL":          {"What is taken out is the default's.", everything, `{apiURL: null}`, refused("spec.apiURL cannot be changed")},
		"SpellURL":       {"The default, spelled out, is no change.", leastConnection, `{apiURL: "https://api.astronomer.io"}`, accepted},
		"Scheme":         {"A scheme stays.", everything, `{apiURL: "http://astro.example"}`, refused("spec.apiURL cannot be changed")},
		"Secret":         {"Another Secret may be named.", everything, `{credentialsSecretRef: {name: other, key: other}}`, accepted},
		"Interval":       {"The interval may change.", everything, `{sweepInterval: 10s}`, accepted},
		"NullInterval":   {"Null is the default.", everything, `{sweepInterval: null}`, accepted},
		"EmptyRules":     {"But not to an empty list, which could be read as anything.", everything, `{allow: []}`, refused("spec.allow", "at least 1 items")},
		"NoRevocations":  {"A limit may be set and taken out.", everything, `{maxRevocationsPerSweep: null}`, accepted},
		"Policies":       {"Policies may change.", everything, `{mode: Observe, deletionPolicy: Retain, onWithdrawal: Revoke, danglingRoles: Drop, rateLimit: {readsPerSecond: 5}}`, accepted},
	}
	for _, kind := range []string{"AstroConnection", "ClusterAstroConnection"} {
		for name, tc := range cases {
			t.Run(kind+"/"+name, func(t *testing.T) {
				object := mustCreate(t, kind, tc.spec, "")
				_, err := patch(t, object, types.MergePatchType, "{spec: "+tc.patch+"}")
				check(t, tc.reason, err, tc.want)
			})
		}
	}
	for kind, want := range map[string][]string{"ClusterAstroConnection": accepted, "AstroConnection": refused("spec.allow may be changed but not taken out")} {
		_, err := patch(t, mustCreate(t, kind, everything, ""), types.MergePatchType, "{spec: {allow: null}}")
		check(t, "Rules may go where that allows nobody anything, and not where it allows everything.", err, want)
	}
}
