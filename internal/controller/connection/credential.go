package connection

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// offer is a credential as the Secret holds it, not proven yet. Its secret goes nowhere but into a client.
type offer struct {
	secret   string
	digest   fingerprint
	identity astro.Identity
	from     string // the Secret, for messages
}

// fingerprint tells whether two credentials are the same.
type fingerprint [sha256.Size]byte

// secretKey names the Secret of the connection: in its own namespace, or, for a ClusterAstroConnection, the operator's.
func (d *dependencies) secretKey(c v1alpha1.Connection) client.ObjectKey {
	key := client.ObjectKey{Namespace: c.GetNamespace(), Name: c.ConnectionSpec().CredentialsSecretRef.Name}
	if c.ConnectionKind() == v1alpha1.KindClusterAstroConnection {
		key.Namespace = d.OperatorNamespace
	}
	return key
}

// credentialReader is the ClusterRole that lets the operator read the Secrets of a namespace, as config/default names it.
const credentialReader = "scopedtoken-credential-reader"

// offered reads the credential and judges what can be judged without Astro.
func (d *dependencies) offered(ctx context.Context, c v1alpha1.Connection) (offer, *fault.Fault) {
	secret, wrong := d.readSecret(ctx, c)
	if wrong != nil {
		return offer{}, wrong
	}
	ref := c.ConnectionSpec().CredentialsSecretRef
	o := offer{
		secret: strings.TrimSpace(string(secret.Data[ref.Key])),
		from:   fmt.Sprintf("Secret %s/%s, key %q", secret.Namespace, secret.Name, ref.Key),
	}
	if o.secret == "" {
		return offer{}, keyMissing(secret, ref.Key)
	}
	o.digest = sha256.Sum256([]byte(o.secret))
	var err error
	if o.identity, err = astro.ParseCredential(o.secret); err != nil {
		return offer{}, notReady(v1alpha1.ReasonCredentialRejected, "%s: %v; put an API token of the Organization there and nothing else", o.from, err)
	}
	return o, o.contradicts(c.ConnectionSpec(), d.Clock())
}

func (d *dependencies) readSecret(ctx context.Context, c v1alpha1.Connection) (*corev1.Secret, *fault.Fault) {
	key, secret := d.secretKey(c), &corev1.Secret{}
	err := d.Secrets.Get(ctx, key, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, notReady(v1alpha1.ReasonSecretNotFound, "Secret %s does not exist; create it with the API token under key %q",
			key, c.ConnectionSpec().CredentialsSecretRef.Key)
	case apierrors.IsForbidden(err):
		return nil, notReady(v1alpha1.ReasonSecretNotFound,
			"the operator may not read Secret %s; make a RoleBinding in namespace %s that gives ClusterRole %s to the operator's service account "+
				"(the prefix of its name is that of the installation)", key, key.Namespace, credentialReader)
	case err != nil:
		f := fault.CouldNotCheck(v1alpha1.ConditionReady, v1alpha1.ReasonUnreachable,
			"cannot read Secret %s: %s; the operator asks again by itself", key, text.Clip(err.Error(), text.MostName))
		return nil, transient(f, false)
	case d.LabelledSecrets && secret.Labels[v1alpha1.LabelCredential] != "true":
		return nil, notReady(v1alpha1.ReasonSecretNotLabelled,
			"Secret %s is not meant for connections: who made it has to label it: kubectl -n %s label secret %s %s=true",
			key, key.Namespace, key.Name, v1alpha1.LabelCredential)
	}
	return secret, nil
}

func keyMissing(s *corev1.Secret, key string) *fault.Fault {
	found := "has no key"
	if _, there := s.Data[key]; there {
		found = "holds nothing under key"
	}
	return notReady(v1alpha1.ReasonSecretKeyMissing,
		"Secret %s/%s %s %q; it has %s; put the API token there, or name its key in spec.credentialsSecretRef.key", s.Namespace, s.Name, found, key, keysOf(s))
}

// keysOf names the only key of a Secret, which may be spelled in another way. Of several it is not said to whom they belong.
func keysOf(s *corev1.Secret) string {
	for key := range s.Data {
		if len(s.Data) == 1 {
			return fmt.Sprintf("%q", text.Clip(key, text.MostName))
		}
	}
	return fmt.Sprintf("%d keys", len(s.Data))
}

// contradicts says what the credential's own claims have against the connection.
func (o offer) contradicts(spec *v1alpha1.ConnectionSpec, now time.Time) *fault.Fault {
	if at := o.identity.ExpiresAt; at != nil && !at.After(now) {
		return notReady(v1alpha1.ReasonCredentialRejected,
			"%s: API token %s expired on %s; make another in Astro and put it there", o.from, o.identity.TokenID, at.UTC().Format(time.RFC3339))
	}
	if organizations := o.identity.Organizations; !slices.Contains(organizations, string(spec.OrganizationID)) {
		return notReady(v1alpha1.ReasonOrganizationMismatch,
			"%s: API token %s is of %s, but spec.organizationId is %s; put a token of that Organization there, or make a connection to the other",
			o.from, o.identity.TokenID, organizationsWords(organizations), spec.OrganizationID)
	}
	return nil
}

func organizationsWords(ids []string) string {
	if len(ids) == 0 {
		return "no Organization"
	}
	return "Organization " + strings.Join(ids[:min(len(ids), 3)], ", ")
}

// judgeHost says what is wrong with sending a credential to the connection's URL.
func judgeHost(apiURL string, allowed []string) (host string, wrong *fault.Fault) {
	u, err := ref.ParseURL(apiURL)
	if err != nil {
		return "", notReady(v1alpha1.ReasonHostNotAllowed,
			"spec.apiURL is not the URL of a host; make another connection, with a URL such as https://api.astronomer.io")
	}
	switch {
	case !slices.Contains(allowed, u.Host):
		return u.Host, notReady(v1alpha1.ReasonHostNotAllowed,
			"spec.apiURL is %s, and the operator was not started with that host; start it with --allowed-api-hosts=%s, or make a connection to a host that is allowed",
			apiURL, u.Host)
	case u.Scheme != "https" && !ref.Loopback(u.Hostname()):
		return u.Host, notReady(v1alpha1.ReasonHostNotAllowed,
			"spec.apiURL is %s, which would send the API token in the clear; make a connection to the https URL", apiURL)
	default:
		return u.Host, nil
	}
}
