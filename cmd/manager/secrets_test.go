package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// asManager makes this test's program the manager.
const asManager = "TEST_AS_MANAGER"

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestNoSecretAnywhere runs the manager as verbose as it can be told to be through what happens to a credential: it is proven,
// used, replaced by one with dirt, refused in the middle of its work, and the process ends with a dump of all its
// goroutines. Neither it nor what else is in its Secret is anywhere but in the Secret.
func TestNoSecretAnywhere(t *testing.T) {
	env, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Stop() })
	w := newSecretWorld(t, env)
	w.start(t, "--zap-log-level=10")
	w.expect(t, "True/Connected")
	eventually(t, "granting", func() bool { return len(w.sim.Roles(w.token)) > 1 })
	scraper := w.scraper(t)
	metrics := w.metrics(t, scraper)

	w.put(t, "Bearer "+w.first)
	w.expect(t, "False/CredentialRejected")
	w.second = w.sim.RotateToken(w.self)
	w.put(t, w.second)
	w.expect(t, "True/Connected")
	w.sim.RevokeCredential(w.self)
	w.change(t, "WORKSPACE_OWNER")
	w.expect(t, "False/CredentialRejected")
	metrics += w.metrics(t, scraper)
	if err := w.manager.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = w.manager.Wait() // with the dump of its goroutines

	log := w.log.String()
	for _, said := range []string{`"level":"Level(-5)"`, "goroutine "} {
		if !strings.Contains(log, said) {
			t.Errorf("the log is not as verbose as it may be: it lacks %s", said)
		}
	}
	for where, text := range map[string]string{"log": log, "objects": w.objects(t), "metrics": metrics} {
		for what, secret := range map[string]string{
			"first credential": w.first, "second credential": w.second, "neighbour": w.neighbour, "annotation": w.annotation, "scraper's token": scraper,
		} {
			if piece := pieceOf(secret, text); piece != "" {
				t.Errorf("a piece of the %s is in the %s: %s", what, where, around(text, piece))
			}
		}
	}
}

// secretWorld is an Astro, and a cluster with a connection to it, a binding, and more secrets than the credential.
type secretWorld struct {
	kube    client.Client
	sim     *astrosim.Sim
	args    []string
	address string // of the metrics
	manager *exec.Cmd
	log     *buffer

	connection            *v1alpha1.ClusterAstroConnection
	binding               *v1alpha1.ScopedTokenBinding
	self, token           string
	first, second         string // credentials
	neighbour, annotation string // what else is in the Secret
}

func newSecretWorld(t *testing.T, env *environment.Environment) *secretWorld {
	t.Helper()
	sim := astrosim.New(astrosim.Options{})
	url, err := sim.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	org := sim.AddOrganization("Acme")
	w := &secretWorld{sim: sim, address: environment.FreeAddress(), log: &buffer{}, neighbour: "zQ8xW2vK5mN7rT4yU9pL", annotation: "gH3jB6dF1sA0cE8iO5qM"}
	w.self, w.token = sim.AddOrganizationToken(org, "operator", "ORGANIZATION_OWNER"), sim.AddOrganizationToken(org, "ci", "ORGANIZATION_MEMBER")
	w.first = sim.Credential(w.self)
	w.args = []string{
		"--kubeconfig", env.Kubeconfig, "--operator-namespace=default", "--allowed-api-hosts=" + strings.TrimPrefix(url, "http://"),
		"--health-probe-bind-address=0", "--metrics-bind-address=" + w.address, "--leader-elect",
	}
	w.connection = builders.Connection("acme").To(url, org).SweepEvery(5 * time.Second).Allow(builders.AllowAll("default")).Cluster()
	w.binding = builders.Binding("ci").In("default").ThroughCluster("acme").
		ForToken("ci").OnWorkspace(sim.AddWorkspace(org, "data")).WithRole("WORKSPACE_MEMBER").Object()
	secret := builders.Secret("default", builders.SecretName, w.first)
	secret.StringData["other"] = w.neighbour
	secret.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": `{"stringData":{"token":"` + w.annotation + `"}}`}
	if w.kube, err = client.New(env.Config, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	for _, object := range append(scrapers(), secret, w.connection, w.binding) {
		if err := w.kube.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *secretWorld) start(t *testing.T, args ...string) {
	t.Helper()
	w.manager = exec.Command(os.Args[0], append(w.args, args...)...)
	w.manager.Env = append(os.Environ(), asManager+"=1", "GOTRACEBACK=all")
	w.manager.Stdout, w.manager.Stderr = w.log, w.log
	if err := w.manager.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.manager.Process.Kill() })
}

func (w *secretWorld) put(t *testing.T, credential string) {
	t.Helper()
	secret := &corev1.Secret{}
	if err := w.kube.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: builders.SecretName}, secret); err != nil {
		t.Fatal(err)
	}
	secret.Data["token"] = []byte(credential)
	if err := w.kube.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

// change has the operator write something.
func (w *secretWorld) change(t *testing.T, role string) {
	t.Helper()
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"role":%q}}`, role))
	if err := w.kube.Patch(t.Context(), w.binding.DeepCopy(), patch); err != nil {
		t.Fatal(err)
	}
}

func (w *secretWorld) expect(t *testing.T, want string) {
	t.Helper()
	eventually(t, want, func() bool {
		if err := w.kube.Get(t.Context(), client.ObjectKeyFromObject(w.connection), w.connection); err != nil {
			t.Fatal(err)
		}
		c := meta.FindStatusCondition(w.connection.Status.Conditions, v1alpha1.ConditionReady)
		return c != nil && string(c.Status)+"/"+c.Reason == want
	})
}

// scraper is the token of whoever may read the metrics. The API server is asked about it by the manager.
func (w *secretWorld) scraper(t *testing.T) string {
	t.Helper()
	token := tokenOf(t, w.kube, "prometheus")
	eventually(t, "showing metrics", func() bool { return environment.Status("https://"+w.address+"/metrics", token) == http.StatusOK })
	return token
}

func (w *secretWorld) metrics(t *testing.T, token string) string {
	t.Helper()
	text, err := environment.Text("https://"+w.address+"/metrics", token)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "scopedtoken_") {
		t.Fatalf("no metrics: %s", text)
	}
	return text
}

// objects is everything that the operator wrote into the cluster.
func (w *secretWorld) objects(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, list := range []client.ObjectList{
		&v1alpha1.ScopedTokenBindingList{}, &v1alpha1.ClusterAstroConnectionList{}, &corev1.ConfigMapList{}, &corev1.EventList{}, &eventsv1.EventList{},
	} {
		if err := w.kube.List(context.WithoutCancel(t.Context()), list); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	if !strings.Contains(all.String(), "CredentialRejected") {
		t.Error("nothing tells of the credential that was refused")
	}
	return all.String()
}

// telling is how many characters in a row of a secret tell something of it. A dump in hexadecimal shows 16 a line.
const telling = 10

// pieceOf is a piece of the secret that the text has, in the clear or in base64 as the API server writes it; empty if it
// has none. The header of a JWT is nobody's secret.
func pieceOf(secret, text string) string {
	_, body, isJWT := strings.Cut(secret, ".")
	if !isJWT {
		body = secret
	}
	for shift := range 3 { // where it begins within three bytes decides how base64 looks
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + body))
		for _, form := range []string{body, encoded[4:]} {
			for i := 0; i+telling <= len(form); i++ {
				if strings.Contains(text, form[i:i+telling]) {
					return form[i : i+telling]
				}
			}
		}
	}
	return ""
}

func around(text, piece string) string {
	at := strings.Index(text, piece)
	return text[max(0, at-300):min(len(text), at+100)]
}

// buffer is a log that is written while it is read.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

var _ io.Writer = (*buffer)(nil)
