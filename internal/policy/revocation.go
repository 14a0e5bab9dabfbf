package policy

import (
	"fmt"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// RevocationLimit is how many roles the namespaces that hold roles through a connection may lose together while a limit counts, and how
// many one of them. Of several, each may lose half, rounded down: two halves that were rounded up would be more than the whole, and what
// one of them deletes would hold up another. A limit of 1 has no half, and is one role for each of two.
func RevocationLimit(limit, namespaces int) (all, each int) {
	if limit == 0 || namespaces < 2 {
		return limit, limit
	}
	each = max(1, limit/2)
	return max(limit, 2*each), each
}

// LimitLifted is the time until which the revocation limit of the connection does not count, or what is wrong with the annotation
// that says it.
func LimitLifted(c v1alpha1.Connection) (until time.Time, wrong string) {
	value := c.GetAnnotations()[v1alpha1.AnnotationLiftRevocationLimit]
	if value == "" {
		return time.Time{}, ""
	}
	until, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, fmt.Sprintf("the annotation %s is %.40q, which is not a time as of RFC 3339 such as 2030-01-31T12:00:00Z, and lifts nothing",
			v1alpha1.AnnotationLiftRevocationLimit, value)
	}
	return until, ""
}
