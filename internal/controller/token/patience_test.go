package token

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// TestALookAfterAWaitInLineIsTheSame: whoever has kept a token waiting before it was in line does not do so again when it is called.
func TestALookAfterAWaitInLineIsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l looks
		key, other := TokenKey{Token: "a"}, TokenKey{Token: "b"}
		spent := l.take(key)
		if l.keep(key, spent); l.take(other) == spent || l.take(key) != spent {
			t.Error("what is left of a second is the token's")
		}
		if l.take(key) == spent {
			t.Error("a look that no wait has interrupted begins anew")
		}
		l.keep(key, spent)
		if time.Sleep(sameLook); l.take(key) == spent {
			t.Error("so does one after a long wait")
		}
		l.keep(key, spent)
		time.Sleep(sameLook)
		if l.keep(other, new(astro.Seconds)); len(l.left) != 1 {
			t.Errorf("%d are remembered", len(l.left))
		}
	})
}
