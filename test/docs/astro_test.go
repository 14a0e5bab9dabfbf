package docs

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// astro is a simulated Astro that stands where the real one does, since the documents' connections name no other: it is
// the proxy on the way to Astro's host, with a certificate for its name. So what the documents say is run as it stands there.
type astro struct {
	*astrosim.Sim

	proxy, authority string
}

func serveAstro(t *testing.T, folder string) *astro {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "seed.yaml"))
	must(t, err)
	seed, err := astrosim.ReadSeed(text)
	must(t, err)
	a := &astro{Sim: astrosim.New(astrosim.Options{}), authority: filepath.Join(folder, "authority.pem")}
	planted, err := a.Plant(seed)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "astro-api-token"), []byte(a.Credential(planted.Secrets[0])+"\n"), 0o600))

	certificate, err := a.StandIn()
	must(t, err)
	must(t, os.WriteFile(a.authority, certificate, 0o600))
	a.proxy, err = a.Start()
	must(t, err)
	t.Cleanup(a.Close)
	return a
}

// eventually waits until the function says that nothing is amiss any more.
func eventually(ctx context.Context, amiss func() string) (last string) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		if last = amiss(); last == "" {
			return ""
		}
	}
	return last
}
