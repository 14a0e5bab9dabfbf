package decision

import (
	"fmt"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// BenchmarkManyBindings takes so many new bindings of one token from their first decision to their statuses.
func BenchmarkManyBindings(b *testing.B) {
	for _, n := range []int{750, 1500, 3000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var parts []part
			for i := range n {
				target := roleset.Target{Kind: astro.EntityWorkspace, ID: fmt.Sprintf("many%04d", i)}
				parts = append(parts, binding(fmt.Sprintf("b%04d", i)).on(target))
			}
			s := situation(parts...)
			for b.Loop() {
				w := drive(&testing.T{}, s)
				if len(w.statements) != n {
					b.Fatalf("%d of %d were told", len(w.statements), n)
				}
			}
		})
	}
}
