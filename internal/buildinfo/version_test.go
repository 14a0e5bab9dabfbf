package buildinfo

import "testing"

func TestVersion(t *testing.T) {
	if got := Version("v1.2.3"); got != "v1.2.3" {
		t.Errorf("a release is %q", got)
	}
	if got := Version(""); got != "devel" { // the version of a test
		t.Errorf("what was built of no commit is %q", got)
	}
}
