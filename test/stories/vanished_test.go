package stories

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// vanish deletes the binding as the API server does when a finalizer is added between its read and its delete: at once,
// without a deletion timestamp, finalizers and all.
func (w *world) vanish(name string) {
	GinkgoHelper()
	key := fmt.Sprintf("/registry/astro.scopedtoken.dev/scopedtokenbindings/%s/%s", w.namespace, name)
	body, err := json.Marshal(map[string][]byte{"key": []byte(key)})
	Expect(err).NotTo(HaveOccurred())
	request, err := http.NewRequestWithContext(w.ctx, http.MethodPost, etcd+"/v3/kv/deleterange", bytes.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	answer, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = answer.Body.Close() }()
	var deleted struct {
		Deleted string `json:"deleted"`
	}
	Expect(json.NewDecoder(answer.Body).Decode(&deleted)).To(Succeed())
	Expect(deleted.Deleted).To(Equal("1"))
}

// mute holds back what the operator says in the status of a binding until the function that it returns is called.
func (w *world) mute(name string) (speak func()) {
	spoken := make(chan struct{})
	speak = sync.OnceFunc(func() { close(spoken) })
	DeferCleanup(speak)
	hold := func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/"+name+"/status") {
			<-spoken
		}
	}
	w.line.before.Store(&hold)
	return speak
}

var _ = Describe("A binding that vanishes right after its claim was taken", func() {
	var w *world
	BeforeEach(func(ctx context.Context) { w = newWorld(ctx) })
	binding := func() *builders.BindingBuilder {
		return builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER")
	}

	It("leaves no role behind", func() {
		w.bind(binding())
		w.expect("True/Granted", "b")
		w.vanish("b")
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(BeEmpty())
	})

	It("leaves no role behind though no status ever spoke of it, and the rules forbid it by then", func() {
		speak := w.mute("b")
		w.bind(binding())
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(Equal("WORKSPACE_MEMBER"))
		Expect(w.binding("b").Status.Origin).To(BeEmpty())
		w.vanish("b")
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
			c.Spec.Allow = []v1alpha1.AllowRule{w.rule(func(r *v1alpha1.AllowRule) { r.Roles = []string{"WORKSPACE_OPERATOR"} })}
		})
		speak()
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(BeEmpty())
	})

	It("leaves no role behind though its connection is deleted at the same time, which then goes too", func() {
		speak := w.mute("b")
		w.bind(binding())
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(Equal("WORKSPACE_MEMBER"))
		w.vanish("b")
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		speak()
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(BeEmpty())
		Eventually(w.forgotten(w.namespace)).Should(BeTrue())
	})

	It("leaves no role behind though its connection was deleted long before, and Astro takes no write at that moment", func() {
		w.bind(binding())
		w.expect("True/Granted", "b")
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		Eventually(func() string { return w.acmeSays(w.namespace) }).Should(ContainSubstring("1 binding(s) need the connection"))
		w.advance(2 * time.Minute)
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503, Endpoint: astrosim.TokensRoles})
		w.vanish("b")
		Consistently(w.forgotten(w.namespace)).WithTimeout(3 * time.Second).Should(BeFalse())
		w.sim.ClearFaults()
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(BeEmpty())
		Eventually(w.forgotten(w.namespace)).Should(BeTrue())
	})

	It("is given none where it vanishes before the write", func() {
		w.waitIdle()
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503, Endpoint: astrosim.TokensGet})
		w.bind(binding())
		Eventually(func() []string { return w.binding("b").Finalizers }).ShouldNot(BeEmpty())
		writes := w.total().Writes
		w.vanish("b")
		w.waitIdle() // it has heard of that, and nothing goes on that began before
		w.sim.ClearFaults()
		w.sweep()
		Expect(w.total().Writes).To(Equal(writes))
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("has no say over the role that somebody else gives then, where it vanishes while its write slot reads the token", func() {
		w.waitIdle()
		writes := w.total().Writes
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultSlow, Endpoint: astrosim.TokensGet, Delay: 2 * time.Second, Times: 1})
		w.bind(binding())
		Eventually(w.strikes(astrosim.FaultSlow)).Should(Equal(1))
		Expect(w.journal()).To(ContainSubstring("WORKSPACE_MEMBER"), "it was about to be given")
		w.vanish("b")
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		Eventually(w.journal).ShouldNot(ContainSubstring("WORKSPACE_MEMBER"))
		w.waitIdle()
		w.sweep()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		Expect(w.total().Writes).To(Equal(writes))
	})

	It("leaves the role to the one that was made again in its place", func() {
		w.bind(binding())
		w.expect("True/Granted", "b")
		w.stop()
		w.start()
		w.waitIdle()
		w.vanish("b")
		w.bind(binding())
		w.expect("True/Granted", "b")
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("keeps its role where it says so", func() {
		w.bind(binding())
		w.expect("True/Granted", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		w.waitIdle()
		w.unwritten(func() {
			w.vanish("b")
			w.waitIdle()
		})
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})
