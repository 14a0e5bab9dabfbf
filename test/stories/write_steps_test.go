package stories

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// front is an Astro whose answers are seen before the operator gets them.
type front func(w *world, r *http.Request, status int)

// behind is a world whose operator finds Astro behind a front.
func behind(ctx context.Context, seen front, options ...astrosim.Options) *world {
	GinkgoHelper()
	w := emptyWorld(ctx, options...)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		w.sim.ServeHTTP(answer, r)
		seen(w, r, answer.Code)
		maps.Copy(rw.Header(), answer.Header())
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(answer.Body.Bytes())
	}))
	DeferCleanup(server.Close)
	w.instance.astro = server.URL
	w.start()
	w.apply(
		builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)),
		builders.Connection(builders.ConnectionName).To(server.URL, w.org).In(w.namespace).Object(),
	)
	w.connected(w.namespace)
	return w
}

// whenRefused does something once, between the first refusal of a role set as invalid and what the operator does then.
func whenRefused(do func(w *world)) front {
	var once sync.Once
	return func(w *world, r *http.Request, status int) {
		if status == http.StatusBadRequest && strings.HasSuffix(r.URL.Path, "/roles") {
			once.Do(func() { do(w) })
		}
	}
}

// ownWrites are the writes of a token's roles by the operator that reached Astro.
func (w *world) ownWrites(token string) (writes []astrosim.RoleWrite) {
	for _, write := range w.sim.Audit() {
		if write.TokenID == token && !write.OutOfBand {
			writes = append(writes, write)
		}
	}
	return writes
}

// sent reports whether the operator ever sent this role on the target, taken or not.
func (w *world) sent(token, target, role string) bool {
	for _, write := range w.ownWrites(token) {
		for _, r := range write.Requested {
			if r.EntityID == target && r.Role == role {
				return true
			}
		}
	}
	return false
}

// throttled is how long Astro tells the operator to wait before it tries its write again.
const throttled = 4 * time.Second

// whileThrottled does something between a write of the token ci that Astro throttles and the next try, and waits until
// that is over.
func (w *world) whileThrottled(write, meanwhile func()) {
	GinkgoHelper()
	w.waitIdle()
	w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, Endpoint: astrosim.TokensRoles, RetryAfter: "4", Times: 1})
	struck := w.strikes(astrosim.FaultThrottle)()
	write()
	Eventually(w.strikes(astrosim.FaultThrottle)).Should(BeNumerically(">", struck))
	at := time.Now()
	meanwhile()
	Expect(time.Since(at)).To(BeNumerically("<", throttled), "the machine is too slow for this story")
	time.Sleep(time.Until(at.Add(throttled + 2*time.Second)))
	w.waitIdle()
}
