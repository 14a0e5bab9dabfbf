package fault

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/expiry"
)

// Warning is something that does not keep an object from being Ready, and that somebody should know of.
type Warning struct{ Reason, Message string }

// Expires is the warning that something expires soon, at the steps of package expiry; nil if it does not.
func Expires(reason, what string, at, now time.Time, next string) []Warning {
	days := expiry.Within(at, now)
	if days == 0 {
		return nil
	}
	within := "a day"
	if days > 1 {
		within = fmt.Sprintf("%d days", days)
	}
	return []Warning{{reason, fmt.Sprintf("%s expires within %s, on %s; %s", what, within, at.UTC().Format(time.RFC3339), next)}}
}

// SetWarnings writes the condition that tells the warnings, the most pressing first. It is there only while there are any.
func SetWarnings(conditions *[]metav1.Condition, warnings []Warning, generation int64, now metav1.Time) {
	c := metav1.Condition{Type: v1alpha1.ConditionWarning}
	messages := make([]string, len(warnings))
	for i, w := range warnings {
		messages[i], c.Reason = w.Message, warnings[0].Reason
	}
	c.Message = strings.Join(messages, "; ")
	SetWhile(conditions, len(warnings) > 0, c, generation, now)
}
