package stories

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// instance is what makes an operator one of several.
type instance struct {
	agent, astro string          // how it names itself to Astro, and under which URL it finds Astro
	selector     labels.Selector // of the connections that it serves; nil for all
	labelled     bool            // whether it uses labelled Secrets only
	maxListing   int             // how many bytes a listing may take up, with a memory for all listings; 0 for the default, and no such memory
}

// instances are operators of one world with selectors of their own, and an Astro that knows them apart.
type instances struct {
	*world

	front string
	by    map[string]*world // by their selector

	mu    sync.Mutex
	calls []visit
}

// visit is a call to Astro.
type visit struct {
	by    string // the selector of the instance
	about string // the Organization
}

// newInstances is a world with an operator for each selector.
func newInstances(w *world, selectors ...string) *instances {
	GinkgoHelper()
	s := &instances{world: w, by: map[string]*world{}}
	front := httptest.NewServer(http.HandlerFunc(s.serve))
	DeferCleanup(front.Close)
	s.front = front.URL
	for _, text := range selectors {
		i := &world{ctx: w.ctx, admin: w.admin, kube: w.kube, traffic: &traffic{}, namespace: w.namespace, other: w.other, system: w.system}
		i.sim, i.audit = w.sim, w.audit
		selector, err := labels.Parse(text)
		Expect(err).NotTo(HaveOccurred())
		i.instance = instance{agent: text, astro: s.front, selector: selector}
		i.start()
		DeferCleanup(i.stop)
		s.by[text], s.peers = i, append(s.peers, i)
	}
	return s
}

var organizationOf = regexp.MustCompile(`/organizations/([^/]+)`)

func (s *instances) serve(rw http.ResponseWriter, r *http.Request) {
	v := visit{by: r.UserAgent()}
	if found := organizationOf.FindStringSubmatch(r.URL.Path); found != nil {
		v.about = found[1]
	}
	s.mu.Lock()
	s.calls = append(s.calls, v)
	s.mu.Unlock()
	s.sim.ServeHTTP(rw, r)
}

// visits are the calls about an Organization so far.
func (s *instances) visits(organization string) []visit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(v visit) bool { return v.about != organization })
}

// tenant is an Organization with a connection, tokens and Workspaces of one name.
type tenant struct {
	id, name           string
	tokens, workspaces []string
}

// tenant makes an Organization, and a connection to it with the label, and waits until that is proven.
func (s *instances) tenant(name, label string, tokens int) tenant {
	GinkgoHelper()
	t := tenant{name: name, id: s.sim.AddOrganization(name)}
	for i := range tokens {
		t.workspaces = append(t.workspaces, s.sim.AddWorkspace(t.id, fmt.Sprintf("ws-%d", i)))
		t.tokens = append(t.tokens, s.sim.AddOrganizationToken(t.id, fmt.Sprintf("ci-%d", i), "ORGANIZATION_MEMBER"))
	}
	s.apply(builders.Secret(s.namespace, name, s.sim.Credential(s.sim.AddOrganizationToken(t.id, "operator", "ORGANIZATION_OWNER"))))
	s.apply(s.to(t, name).In(s.namespace).Labelled("shard", label).RateLimit(100, 4).Object())
	Eventually(func() string { return s.connectionNamed(s.namespace, name).Status.CredentialTokenID }).ShouldNot(BeEmpty())
	s.everybodyKnows()
	return t
}

// everybodyKnows waits until every instance has been told of what was made, so that none takes a connection for one that
// is not there: of two kinds of objects, either may come first.
func (s *instances) everybodyKnows() {
	GinkgoHelper()
	Eventually(s.informed).Should(BeTrue())
}

// to starts a connection to the tenant's Organization.
func (s *instances) to(t tenant, name string) *builders.ConnectionBuilder {
	return builders.Connection(name).To(s.front, t.id).WithSecret(t.name)
}

// declare binds every token of the tenant to its Workspace.
func (s *instances) declare(t tenant) (names []string) {
	GinkgoHelper()
	for i, token := range t.tokens {
		name := fmt.Sprintf("%s-%d", t.name, i)
		s.bind(builders.Binding(name).Through(t.name).ForTokenID(token).OnWorkspace(t.workspaces[i]).WithRole("WORKSPACE_MEMBER"))
		names = append(names, name)
	}
	return names
}

// relabel gives a connection another label.
func (s *instances) relabel(name, label string) {
	GinkgoHelper()
	c := s.connectionNamed(s.namespace, name)
	before := c.DeepCopy()
	c.Labels["shard"] = label
	Expect(s.kube.Patch(s.ctx, c, client.MergeFrom(before))).To(Succeed())
}

// refresh has the connection looked at, and waits until its status tells.
func (s *instances) refresh(name string) {
	GinkgoHelper()
	c := s.connectionNamed(s.namespace, name)
	before := c.DeepCopy()
	c.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "now"}
	Expect(s.kube.Patch(s.ctx, c, client.MergeFrom(before))).To(Succeed())
	Eventually(func() string { return s.connectionNamed(s.namespace, name).Status.LastHandledReconcileAt }).Should(Equal("now"))
}

func (s *instances) connectionNamed(namespace, name string) *v1alpha1.AstroConnection {
	GinkgoHelper()
	c := &v1alpha1.AstroConnection{}
	Expect(s.kube.Get(s.ctx, client.ObjectKey{Namespace: namespace, Name: name}, c)).To(Succeed())
	return c
}

// writesOf counts how often a token's roles were written.
func (s *instances) writesOf(token string) (n int) {
	for _, w := range s.sim.Audit() {
		if w.TokenID == token && !w.OutOfBand {
			n++
		}
	}
	return n
}
