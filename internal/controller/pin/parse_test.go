package pin

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// claims are annotations as the operator, users and forgers may write them.
func claims() map[string]string {
	full := v1alpha1.HeldClaim{
		Host: "api.example:443", Organization: org, Token: old, Scope: v1alpha1.ScopeOrganization, TargetKind: v1alpha1.TargetDeployment,
		Target: dep, Role: "Deploy Only", Origin: v1alpha1.OriginAdopted, PreviousRole: "DEPLOYMENT_ADMIN",
		Time: metav1.NewMicroTime(time.Date(2026, 11, 22, 8, 0, 0, 123456000, time.UTC)),
	}
	encoded, _ := Encode(full)
	full.Role = "R & D"
	escaped, _ := Encode(full)
	full.Role = `"Größe"`
	foreign, _ := Encode(full)
	return map[string]string{
		"Own":            encoded,
		"Escaped":        escaped,
		"Foreign":        foreign,
		"NoTime":         `{"host":"h","organization":"o","token":"t","target":"d","time":null}`,
		"BadTime":        `{"host":"h","organization":"o","token":"t","target":"d","time":"yesterday"}`,
		"Second":         `{"host":"h","organization":"o","token":"t","target":"d","time":"2026-11-22T08:00:00Z"}`,
		"Twice":          `{"host":"h","organization":"o","token":"t","target":"d","token":"u"}`,
		"OtherCase":      `{"host":"h","organization":"o","token":"t","target":"d","Token":"u"}`,
		"Unknown":        `{"host":"h","organization":"o","token":"t","target":"d","more":"x"}`,
		"Number":         `{"host":"h","organization":"o","token":1,"target":"d"}`,
		"Nested":         `{"host":"h","organization":"o","token":"t","target":{"id":"d"}}`,
		"Blanks":         ` { "host" : "h", "organization":"o","token":"t","target":"d" } `,
		"Tail":           `{"host":"h","organization":"o","token":"t","target":"d"}}`,
		"TailComma":      `{"host":"h","organization":"o","token":"t","target":"d",}`,
		"Cut":            `{"host":"h","organization":"o","token":"t","target":"d`,
		"NotUTF8":        "{\"host\":\"h\xff\",\"organization\":\"o\",\"token\":\"t\",\"target\":\"d\"}",
		"Control":        "{\"host\":\"h\t\",\"organization\":\"o\",\"token\":\"t\",\"target\":\"d\"}",
		"Empty":          "",
		"EmptyObject":    "{}",
		"List":           "[]",
		"NothingToSpeak": `{"host":"h"}`,
	}
}

// slow is what encoding/json alone makes of an annotation.
func slow(value string) *v1alpha1.HeldClaim {
	var claim v1alpha1.HeldClaim
	if json.Unmarshal([]byte(value), &claim) != nil || claim.Token == "" || claim.Target == "" || claim.Host == "" || claim.Organization == "" {
		return nil
	}
	return &claim
}

func annotated(value string) *v1alpha1.ScopedTokenBinding {
	b := &v1alpha1.ScopedTokenBinding{}
	metav1.SetMetaDataAnnotation(&b.ObjectMeta, v1alpha1.AnnotationHeld, value)
	return b
}

func TestParseIsThatOfJSON(t *testing.T) {
	for name, value := range claims() {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(slow(value), parse(annotated(value))); diff != "" {
				t.Errorf("%s is read otherwise than encoding/json does:\n%s", value, diff)
			}
		})
	}
}

func FuzzParseIsThatOfJSON(f *testing.F) {
	for _, value := range claims() {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if diff := cmp.Diff(slow(value), parse(annotated(value))); diff != "" {
			t.Errorf("%q is read otherwise than encoding/json does:\n%s", value, diff)
		}
	})
}

func TestParseOfAnOwnClaimAllocatesLittle(t *testing.T) {
	b := annotated(claims()["Own"])
	if got := testing.AllocsPerRun(100, func() { _ = parse(b) }); got > 1 {
		t.Errorf("reading a claim that the operator wrote takes %v allocations, not one", got)
	}
}

func BenchmarkHeld(b *testing.B) {
	o := binding(func(_ *v1alpha1.ScopedTokenBinding, c *v1alpha1.HeldClaim) { c.Time = metav1.NowMicro() })
	b.ReportAllocs()
	for b.Loop() {
		_ = Held(o)
	}
}
