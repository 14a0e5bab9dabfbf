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

func TestPace(t *testing.T) {
	p, key := newPace(), TokenKey{Organization: "clo1"}
	if left := p.left(key); left > 0 {
		t.Errorf("a name that was never looked for is left alone for %s", left)
	}
	p.rest(key, 10_000, restPerBinding)
	if left := p.left(key); left <= 0 || left > 10_000*restPerBinding {
		t.Errorf("a name that ten thousand bindings give is left alone for %s more, want up to %s", left, 10_000*restPerBinding)
	}
	if left := p.left(TokenKey{Organization: "clo2"}); left > 0 {
		t.Errorf("another name is left alone for %s", left)
	}
	p.rest(key, 0, restPerBinding)
	p.until[key] = time.Now()
	if left := p.left(key); left > 0 {
		t.Errorf("once it has rested, it is left alone for %s more", left)
	}
	if p.rest(TokenKey{}, 0, restPerBinding); len(p.until) != 0 {
		t.Errorf("%d names are remembered that rest no more", len(p.until))
	}
}
