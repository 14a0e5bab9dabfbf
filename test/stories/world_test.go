package stories

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// storyLabel marks the objects of a story: its manager sees no others.
const storyLabel = "story"

// world is what one story happens in: an Astro, two namespaces, and an operator that works in them.
type world struct {
	seeded

	ctx     context.Context
	admin   *rest.Config
	kube    client.Client
	traffic *traffic
	clock   atomic.Int64  // by how much the operator's time is ahead
	stopped func()        // ends the running operator; nil if none runs
	line    *line         // of the running operator to the API server
	cache   client.Reader // what the running operator knows of the API server's objects
	peers   []*world      // whose operators work on the same, so that there is no rest before they rest

	instance instance // where the operator is not the only one

	// namespace is where a binding is made that says nothing else; other is a second one, and system the operator's.
	namespace, other, system string
}

// seeded is a simulated Astro with something in it.
type seeded struct {
	sim   *astrosim.Sim
	audit *auditLog // of all operators that work on it
	// org is the Organization Acme, with the Workspaces data (Deployments etl and reports) and science (Deployment models).
	org, data, science, etl, reports, models string
	// operator is the token with whose secret the operator works; ci is an Organization token, wsCI a token of data.
	operator, ci, wsCI string
}

var worlds atomic.Int64

// newWorld makes a world with a running operator and the AstroConnection "acme" in its first namespace, ready.
func newWorld(ctx context.Context, options ...astrosim.Options) *world {
	GinkgoHelper()
	w := emptyWorld(ctx, options...)
	w.start()
	w.connect(w.namespace)
	return w
}

// emptyWorld makes a world without operator and connection.
func emptyWorld(ctx context.Context, options ...astrosim.Options) *world {
	GinkgoHelper()
	return worldIn(ctx, admin, kube, append(options, astrosim.Options{})[0])
}

// worldIn is an empty world in a cluster.
func worldIn(ctx context.Context, admin *rest.Config, kube client.Client, options astrosim.Options) *world {
	GinkgoHelper()
	w := &world{admin: admin, kube: kube, traffic: &traffic{}}
	w.sim = astrosim.Serve(GinkgoTB(), options)
	w.audit = newAuditLog(w.sim)
	w.seedAstro()
	w.makeNamespaces(ctx)
	return w
}

// separateCluster is an empty world in a cluster of its own, for what would disturb every other story.
func separateCluster(ctx context.Context, options ...astrosim.Options) (*world, *environment.Environment) {
	GinkgoHelper()
	env, err := environment.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(env.Stop)
	own, err := client.New(env.Config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	return worldIn(ctx, env.Config, own, append(options, astrosim.Options{})[0]), env
}

// makeNamespaces gives the world names of its own, and makes its namespaces.
func (w *world) makeNamespaces(ctx context.Context) {
	GinkgoHelper()
	name := fmt.Sprintf("story-%d-%d", GinkgoParallelProcess(), worlds.Add(1))
	w.ctx = context.WithoutCancel(ctx)
	w.namespace, w.other, w.system = name, name+"-other", name+"-system"
	for _, namespace := range []string{w.namespace, w.other, w.system} {
		w.apply(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
	w.record()
	DeferCleanup(w.end)
}

// seedAstro fills Astro.
func (w *world) seedAstro() {
	w.org = w.sim.AddOrganization("Acme")
	w.data, w.science = w.sim.AddWorkspace(w.org, "data"), w.sim.AddWorkspace(w.org, "science")
	w.etl, w.reports = w.sim.AddDeployment(w.data, "etl"), w.sim.AddDeployment(w.data, "reports")
	w.models = w.sim.AddDeployment(w.science, "models")
	w.sim.AddCustomRole(w.org, "Deploy Only", "DEPLOYMENT")
	w.operator = w.sim.AddOrganizationToken(w.org, "operator", "ORGANIZATION_OWNER")
	w.ci = w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
	w.wsCI = w.sim.AddWorkspaceToken(w.data, "ws-ci", "WORKSPACE_MEMBER")
}

// tokens adds Organization tokens ci-0, ci-1 and so on, a while before anybody names them.
func (w *world) tokens(n int) []string {
	w.advance(time.Minute)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = w.sim.AddOrganizationToken(w.org, fmt.Sprintf("ci-%d", i), "ORGANIZATION_MEMBER")
	}
	return ids
}

// workspaces adds Workspaces ws-0, ws-1 and so on.
func (w *world) workspaces(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = w.sim.AddWorkspace(w.org, fmt.Sprintf("ws-%d", i))
	}
	return ids
}

// connect makes the Secret and the AstroConnection "acme" in a namespace, and waits until it is ready.
func (w *world) connect(namespace string) {
	GinkgoHelper()
	w.connectAs(namespace, w.operator)
}

// connectAs is connect with the secret of another token.
func (w *world) connectAs(namespace, token string) {
	GinkgoHelper()
	w.apply(
		builders.Secret(namespace, builders.SecretName, w.sim.Credential(token)),
		w.connection(builders.ConnectionName).In(namespace).Object(),
	)
	w.connected(namespace)
}

// connection starts a connection to this world's Astro.
func (w *world) connection(name string) *builders.ConnectionBuilder {
	return builders.Connection(name).To(w.sim.URL(), w.org)
}

// connected waits until the AstroConnection "acme" is ready and its first sweep is over.
func (w *world) connected(namespace string) {
	GinkgoHelper()
	Eventually(func() string { return readiness(w.acme(namespace).Status.Conditions) }).Should(Equal("True/Connected"))
}

// acme is the AstroConnection "acme" of a namespace as it is now.
func (w *world) acme(namespace string) *v1alpha1.AstroConnection {
	GinkgoHelper()
	c := &v1alpha1.AstroConnection{}
	Expect(w.kube.Get(w.ctx, client.ObjectKey{Namespace: namespace, Name: builders.ConnectionName}, c)).To(Succeed())
	return c
}

// end stops the operator and takes away what other stories would see: cluster-scoped objects.
func (w *world) end() {
	w.stop()
	var list v1alpha1.ClusterAstroConnectionList
	Expect(w.kube.List(w.ctx, &list, client.MatchingLabels{storyLabel: w.namespace})).To(Succeed())
	for i := range list.Items {
		c := &list.Items[i]
		before := c.DeepCopy()
		c.Finalizers = nil
		Expect(client.IgnoreNotFound(w.kube.Patch(w.ctx, c, client.MergeFrom(before)))).To(Succeed())
		Expect(client.IgnoreNotFound(w.kube.Delete(w.ctx, c))).To(Succeed())
	}
}

// now is the operator's time.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.clock.Load())) }

// advance moves the operator's time.
func (w *world) advance(d time.Duration) { w.clock.Add(int64(d)) }
