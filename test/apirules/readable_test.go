package apirules

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// leastSpec is a spec of each kind.
var leastSpec = map[string]string{
	"ScopedTokenBinding": organizationOnWorkspace, "AstroConnection": leastConnection,
	"ClusterAstroConnection": leastConnection, "TargetInventory": leastInventory,
}

// One object whose status the Go types cannot read would fail every list of its kind, and with it the operator's watch. So
// all that they cannot read the API server refuses, whoever may write a status.

// statusTimes are the times in the status of each kind, with <time> where it goes.
var statusTimes = map[string]map[string]string{
	"ScopedTokenBinding": {
		"status.token.createdAt": `{token: {createdAt: "<time>"}}`, "status.token.expiresAt": `{token: {expiresAt: "<time>"}}`, "status.conditions": conditionAt,
	},
	"AstroConnection":        {"status.credentialExpiresAt": `{bindings: 0, credentialExpiresAt: "<time>"}`, "status.conditions": conditionAt},
	"ClusterAstroConnection": {"status.credentialExpiresAt": `{bindings: 0, credentialExpiresAt: "<time>"}`, "status.conditions": conditionAt},
	"TargetInventory":        {"status.tokens[0].createdAt": `{tokens: [{id: <tok>, createdAt: "<time>"}]}`, "status.conditions": conditionAt},
}

const conditionAt = `{conditions: [{type: Ready, status: "True", reason: Granted, message: "", lastTransitionTime: "<time>"}]}`

// badTimes are no times to Go, though most of them are to an API server that looks at the format alone.
var badTimes = map[string]string{
	"words": "tomorrow", "small letters": "2026-01-31t12:00:00z", "an offset beyond a day": "2026-01-31T12:00:00+25:00",
	"an offset beyond an hour": "2026-01-31T12:00:00+01:61", "another mark before the fraction": "2026-01-31T12:00:00x5Z",
	"more behind it": "2026-01-31T12:00:00ZTZ", "no such day": "2026-02-30T12:00:00Z",
	"no offset": "2026-01-31T12:00:00", "five digits of a year": "20260-01-31T12:00:00Z",
}

func TestTimesInAStatus(t *testing.T) {
	good := map[string]string{
		"what the operator writes": marshalled(t, metav1.NewTime(time.Now())), "a fraction": "2026-01-31T12:00:00.123456789Z",
		"an offset": "2026-01-31T12:00:00-23:59", "the last second": "9999-12-31T23:59:59Z", "a leap day": "2028-02-29T00:00:00Z",
		"the first second": "0001-01-01T00:00:00Z",
	}
	for kind, fields := range statusTimes {
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			t.Run(kind+" "+field, func(t *testing.T) {
				checkTimes(t, kind, field, fields[field], good, badTimes)
			})
		}
	}
}

// TestClaimedAt: a time with microseconds is one with six digits, no more and no fewer.
func TestClaimedAt(t *testing.T) {
	bad := map[string]string{
		"no fraction": "2026-01-01T00:00:00Z", "milliseconds": "2026-01-01T00:00:00.123Z", "nanoseconds": "2026-01-01T00:00:00.123456789Z",
		"an offset beyond a day, with microseconds": "2026-01-01T00:00:00.000000+25:00", "no such day, with microseconds": "2026-02-30T00:00:00.000000Z",
		"small letters, with microseconds": "2026-01-01t00:00:00.000000z", "another mark": "2026-01-01T00:00:00x000000Z",
	}
	maps.Copy(bad, badTimes)
	good := map[string]string{
		"what the operator writes": marshalled(t, metav1.NowMicro()), "a full second": marshalled(t, metav1.NewMicroTime(time.Unix(1.8e9, 0))),
		"an offset": "2026-01-01T00:00:00.000001+23:59", "the last moment": "9999-12-31T23:59:59.999999Z",
	}
	checkTimes(t, "ScopedTokenBinding", "status.claim.claimedAt", `{claim: {uid: u, state: Held, claimedAt: "<time>", host: astro}}`, good, bad)
}

// marshalled is a time as Go writes it.
func marshalled(t *testing.T, at any) string {
	t.Helper()
	text, ok := plain(t, at).(string)
	if !ok {
		t.Fatalf("%v is written as no string", at)
	}
	return text
}

func checkTimes(t *testing.T, kind, field, status string, good, bad map[string]string) {
	t.Helper()
	object := mustCreate(t, kind, leastSpec[kind], "")
	try := func(at string) error {
		_, err := patch(t, object, types.MergePatchType, "{status: "+strings.ReplaceAll(status, "<time>", at)+"}", "status")
		return err
	}
	for why, at := range good {
		check(t, why+": "+at, try(at), accepted)
	}
	for why, at := range bad {
		check(t, why+": "+at, try(at), refused(field))
	}
}

// TestNumbersInAStatus: what does not fit into the Go types is refused.
func TestNumbersInAStatus(t *testing.T) {
	fields := map[string][]string{
		"ScopedTokenBinding": {"observedGeneration"}, "AstroConnection": {"observedGeneration", "bindings"},
		"ClusterAstroConnection": {"observedGeneration", "bindings"}, "TargetInventory": {"observedGeneration", "total", "remaining", "undeclared"},
	}
	for kind, names := range fields {
		object := mustCreate(t, kind, leastSpec[kind], "")
		for _, name := range names {
			t.Run(kind+" "+name, func(t *testing.T) {
				bad := []string{"1e30", "9223372036854775808", "0.5"}
				if name != "observedGeneration" {
					bad = append(bad, "2147483648", "-2147483649") // which 1.33 takes for an int32 if no rule says otherwise
				}
				for _, number := range bad {
					_, err := patch(t, object, types.MergePatchType, "{status: {"+name+": "+number+"}}", "status")
					check(t, number, err, refused(name))
				}
				_, err := patch(t, object, types.MergePatchType, "{status: {"+name+": 2147483647}}", "status")
				check(t, "the largest", err, accepted)
			})
		}
	}
}
