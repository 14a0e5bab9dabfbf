package connection

import (
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// Options are what the controllers of connections need.
type Options struct {
	// Registry in which they publish what they find.
	Registry *Registry
	// Budgets are the rate limits, shared by all connections.
	Budgets *astro.Budgets
	// AllowedHosts are the hosts, with their port if the URL has one, to which a credential may be sent.
	AllowedHosts []string
	// OperatorNamespace is where the Secrets of ClusterAstroConnections are.
	OperatorNamespace string
	// SecretNamespaces are where Secrets are watched, so that a new credential is noticed at once; everywhere if there is
	// none. Elsewhere it is noticed at the next sweep of its connection.
	SecretNamespaces []string
	// LabelledSecrets has no Secret used for a credential but those with the label LabelCredential.
	LabelledSecrets bool
	// Recorder takes events.
	Recorder events.EventRecorder
	// UserAgent names the operator to Astro.
	UserAgent string
	// MaxListing is how many bytes of memory the rows of one listing of Astro's may take up; a default of the client's if zero.
	MaxListing int
	// Memory is what the rows of all listings may take up together; nil if that is not counted.
	Memory *astro.Memory
	// Recency is what is remembered of tokens lately, for every client; nil if each client remembers for itself.
	Recency *astro.Recency
	// Fence says why nothing may be written to Astro at the moment; nil if there is never a reason.
	Fence func() error

	// Selector matches the labels of the connections that this instance serves; nil if it serves all.
	Selector labels.Selector
	// Clock is the time; time.Now if nil.
	Clock func() time.Time
}

// dependencies are what the phases of a reconcile work with. Nothing in them changes once the controllers run.
type dependencies struct {
	Options

	Client  client.Client
	Secrets client.Reader // never a cache
}
