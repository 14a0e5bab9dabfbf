package stb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// credentialVariable is where the Astro CLI and its Terraform provider take the API token from, too.
const credentialVariable = "ASTRO_API_TOKEN"

const userAgent = "kubectl-stb"

// kinds are how --connection may call the kinds of connection.
var kinds = map[string]v1alpha1.ConnectionKind{
	"astroconnection": v1alpha1.KindAstroConnection, "astroconn": v1alpha1.KindAstroConnection,
	"clusterastroconnection": v1alpha1.KindClusterAstroConnection, "castroconn": v1alpha1.KindClusterAstroConnection,
	"cluster": v1alpha1.KindClusterAstroConnection,
}

// findConnection is the connection that --connection names, or the only one that the namespace may refer to; and all that there are.
func (s *session) findConnection(ctx context.Context, c cluster) (one v1alpha1.Connection, all []v1alpha1.Connection, err error) {
	kind, name, err := parseConnection(s.connection)
	if err != nil {
		return nil, nil, err
	}
	if kind != "" {
		return c.connectionCalled(ctx, kind, name)
	}
	all, hidden, err := c.connections(ctx)
	if err != nil {
		return nil, nil, err
	}
	found := slices.DeleteFunc(slices.Clone(all), func(o v1alpha1.Connection) bool {
		return name != "" && o.GetName() != name
	})
	switch {
	case len(found) == 1:
		return found[0], all, nil
	case name != "" && len(found) == 0:
		return nil, nil, fmt.Errorf("namespace %s has no connection %q; there is %s%s", c.namespace, name, listed(all), hidden)
	case len(found) == 0:
		return nil, nil, fmt.Errorf("namespace %s has no connection, and no ClusterAstroConnection can be seen%s; choose a namespace with -n", c.namespace, hidden)
	default:
		return nil, nil, fmt.Errorf("there is more than one connection: choose one with --connection, of %s", listed(found))
	}
}

// connectionCalled is the connection of this kind and name, for which no list is needed; and all that can be seen.
func (c cluster) connectionCalled(ctx context.Context, kind v1alpha1.ConnectionKind, name string) (v1alpha1.Connection, []v1alpha1.Connection, error) {
	one, err := c.connection(ctx, ref.KeyFor(c.namespace, v1alpha1.ConnectionReference{Kind: kind, Name: name}))
	if err != nil {
		return nil, nil, fmt.Errorf("get %s/%s: %w", kind, name, err)
	}
	all, _, err := c.connections(ctx)
	if err != nil && !apierrors.IsForbidden(err) {
		return nil, nil, err
	}
	return one, append(all, one), nil
}

// connection is the one with the key.
func (c cluster) connection(ctx context.Context, key ref.Key) (v1alpha1.Connection, error) {
	object := newConnection(key.Kind)
	return object, c.Get(ctx, key.Object(), object)
}

// parseConnection reads NAME or KIND/NAME.
func parseConnection(text string) (kind v1alpha1.ConnectionKind, name string, err error) {
	before, after, qualified := strings.Cut(text, "/")
	if !qualified {
		return "", text, nil
	}
	kind, known := kinds[strings.ToLower(before)]
	if !known || after == "" {
		return "", "", fmt.Errorf("--connection is %q; write NAME, AstroConnection/NAME or ClusterAstroConnection/NAME", text)
	}
	return kind, after, nil
}

// connections are those of the namespace and those of the cluster, as far as the user may list them; hidden
// says which the user may not.
func (c cluster) connections(ctx context.Context) (all []v1alpha1.Connection, hidden string, err error) {
	var own v1alpha1.AstroConnectionList
	var shared v1alpha1.ClusterAstroConnectionList
	ownErr, sharedErr := c.List(ctx, &own, client.InNamespace(c.namespace)), c.List(ctx, &shared)
	switch {
	case ownErr == nil && apierrors.IsForbidden(sharedErr):
		hidden = " (you may not list ClusterAstroConnections)"
	case sharedErr == nil && apierrors.IsForbidden(ownErr):
		hidden = fmt.Sprintf(" (you may not list the AstroConnections of namespace %s)", c.namespace)
	case ownErr != nil || sharedErr != nil:
		return nil, "", fmt.Errorf("list connections: %w", errors.Join(ownErr, sharedErr))
	}
	for i := range own.Items {
		all = append(all, &own.Items[i])
	}
	for i := range shared.Items {
		all = append(all, &shared.Items[i])
	}
	return all, hidden, nil
}

func listed(all []v1alpha1.Connection) string {
	if len(all) == 0 {
		return "none"
	}
	words := make([]string, 0, len(all))
	for _, o := range all {
		words = append(words, qualified(o))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func qualified(o v1alpha1.Connection) string { return string(o.ConnectionKind()) + "/" + o.GetName() }

func (s *session) completeConnection(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	c, err := s.cluster()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, _, _ := c.connections(cmd.Context())
	words := make([]string, 0, len(all))
	for _, o := range all {
		words = append(words, qualified(o))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// errReadOnly fences every write to Astro.
var errReadOnly = errors.New("kubectl-stb writes nothing to Astro")

// reach makes a client of Astro for the connection's Organization. self is the API token that it works with.
func (s *session) reach(ctx context.Context, c cluster, o v1alpha1.Connection, p *progress) (to *astro.Client, self string, err error) {
	spec := o.ConnectionSpec()
	if err := s.judgeHost(spec.APIURL); err != nil {
		return nil, "", err
	}
	secret, from, err := s.credential(ctx, c, o)
	if err != nil {
		return nil, "", err
	}
	identity, err := astro.ParseCredential(secret)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", from, err)
	}
	if !slices.Contains(identity.Organizations, string(spec.OrganizationID)) {
		return nil, "", fmt.Errorf("%s: API token %s is not of Organization %s, to which %s leads", from, identity.TokenID, spec.OrganizationID, qualified(o))
	}
	to = astro.NewClient(astro.Options{
		BaseURL: spec.APIURL, Organization: string(spec.OrganizationID), Credential: secret, UserAgent: userAgent,
		Fence: func() error { return errReadOnly }, Observe: p.observe,
	})
	return to, identity.TokenID, nil
}

// judgeHost says why a credential is not sent to the URL: who may make a connection is not who owns the credential.
func (s *session) judgeHost(apiURL string) error {
	u, err := ref.ParseURL(apiURL)
	switch {
	case err != nil:
		return fmt.Errorf("the connection's apiURL: %w", err)
	case !slices.Contains(s.hosts, u.Host):
		return fmt.Errorf("the connection's apiURL is %s, to which no credential is sent; if that is Astro, say --allowed-api-hosts=%s", apiURL, u.Host)
	case u.Scheme != "https" && !ref.Loopback(u.Hostname()):
		return fmt.Errorf("the connection's apiURL is %s, which would send the API token in the clear", apiURL)
	}
	return nil
}

// ownCredential is the API token that the user brings along, if any. A variable with nothing behind it was meant to have one, as in CI
// without the secret: another credential would show what this user was not to see.
func (s *session) ownCredential() (string, error) {
	own, set := s.environ(credentialVariable)
	own = strings.TrimSpace(own)
	if set && own == "" {
		return "", fmt.Errorf("%s has nothing behind it; unset it to use the connection's Secret", credentialVariable)
	}
	return own, nil
}

// credential is the API token to read Astro with, and where it is from.
func (s *session) credential(ctx context.Context, c cluster, o v1alpha1.Connection) (secret, from string, err error) {
	if own, err := s.ownCredential(); own != "" || err != nil {
		return own, credentialVariable, err
	}
	to := o.ConnectionSpec().CredentialsSecretRef
	key := client.ObjectKey{Namespace: cmp.Or(o.GetNamespace(), s.operatorNamespace), Name: to.Name}
	var object corev1.Secret
	if err := c.Get(ctx, key, &object); err != nil {
		return "", "", fmt.Errorf("set %s, or see that you can read the connection's Secret: %w", credentialVariable, err)
	}
	from = fmt.Sprintf("Secret %s, key %q", key, to.Key)
	return strings.TrimSpace(string(object.Data[to.Key])), from, nil
}
