package pin

import (
	"encoding/json"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// parse reads the claim of the annotation, nil if there is none that could be read. It is called for every event and every
// index value, so what the operator itself has written is read without the ten-odd allocations of encoding/json.
func parse(b *v1alpha1.ScopedTokenBinding) *v1alpha1.HeldClaim {
	value, found := b.Annotations[v1alpha1.AnnotationHeld]
	if !found {
		return nil
	}
	claim := &v1alpha1.HeldClaim{}
	if !scan(value, claim) {
		*claim = v1alpha1.HeldClaim{}
		if json.Unmarshal([]byte(value), claim) != nil {
			return nil
		}
	}
	if claim.Token == "" || claim.Target == "" || claim.Host == "" || claim.Organization == "" {
		return nil
	}
	return claim
}

// scan reads a claim as Encode writes it: one flat object of strings, without blanks, escapes or unknown names. It is false
// for anything else, and never reads anything otherwise than encoding/json does.
func scan(value string, claim *v1alpha1.HeldClaim) bool {
	rest, ok := strings.CutPrefix(value, "{")
	for ok {
		var name, text string
		if name, rest, ok = scanString(rest); !ok {
			return false
		}
		if rest, ok = strings.CutPrefix(rest, ":"); !ok {
			return false
		}
		if text, rest, ok = scanString(rest); !ok || !set(claim, name, text) {
			return false
		}
		if rest == "}" {
			return true
		}
		rest, ok = strings.CutPrefix(rest, ",")
	}
	return false
}

// scanString takes a quoted text of plain ASCII off the front.
func scanString(value string) (text, rest string, ok bool) {
	if value == "" || value[0] != '"' {
		return "", "", false
	}
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			return value[1:i], value[i+1:], true
		case c == '\\' || c < ' ' || c > '~':
			return "", "", false
		}
	}
	return "", "", false
}

func set(claim *v1alpha1.HeldClaim, name, text string) bool {
	switch name {
	case "host":
		claim.Host = text
	case "organization":
		claim.Organization = text
	case "token":
		claim.Token = text
	case "scope":
		claim.Scope = v1alpha1.Scope(text)
	case "targetKind":
		claim.TargetKind = v1alpha1.TargetKind(text)
	case "target":
		claim.Target = text
	case "role":
		claim.Role = text
	case "origin":
		claim.Origin = v1alpha1.Origin(text)
	case "previousRole":
		claim.PreviousRole = text
	case "time":
		at, err := time.Parse(metav1.RFC3339Micro, text)
		claim.Time = metav1.NewMicroTime(at.Local())
		return err == nil
	default:
		return false
	}
	return true
}
