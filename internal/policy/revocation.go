package policy

import (
	"fmt"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// RevocationShare is how many roles one of several namespaces may lose through a connection in the time in which all of them
// together may lose limit: half, rounded up.
func RevocationShare(limit int) int { return (limit + 1) / 2 }

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
