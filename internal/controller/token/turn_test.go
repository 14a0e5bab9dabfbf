package token

import (
	"testing"
	"time"
)

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
