package stb

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

var scheme = runtime.NewScheme()

func init() { //nolint:gochecknoinits // a scheme is filled once, and every command needs it
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
}

// cluster is what a command reads of Kubernetes.
type cluster struct {
	client.Reader

	namespace string // of --namespace, or of the context
	offline   bool   // there is nothing to read
}

// cluster makes a client from kubectl's flags.
func (s *session) cluster() (cluster, error) {
	config, err := s.kubernetes.ToRESTConfig()
	if err != nil {
		return cluster{}, err
	}
	config.UserAgent = userAgent
	namespace, _, err := s.kubernetes.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return cluster{}, err
	}
	reader, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return cluster{}, fmt.Errorf("reach Kubernetes: %w", err)
	}
	return cluster{Reader: reader, namespace: namespace}, nil
}

// subject is the namespace as the rules of the connection see it. Who may not read it knows no labels, and needs none where no
// rule goes by them.
func (c cluster) subject(ctx context.Context, to v1alpha1.Connection, namespace string) (policy.Subject, error) {
	var object corev1.Namespace
	err := c.Get(ctx, client.ObjectKey{Name: namespace}, &object)
	if apierrors.IsForbidden(err) {
		err = nil
		if policy.GoesByLabels(to) {
			err = fmt.Errorf("you may not read namespace %s, whose labels a rule goes by", namespace)
		}
	}
	return policy.Subject{Namespace: namespace, Labels: object.Labels}, err
}

// bindings are those of all namespaces; where the user may not list these, those of the one namespace, and partial says so.
func (c cluster) bindings(ctx context.Context) (all []v1alpha1.ScopedTokenBinding, partial bool, err error) {
	var list v1alpha1.ScopedTokenBindingList
	err = c.List(ctx, &list)
	if apierrors.IsForbidden(err) {
		partial = true
		err = c.List(ctx, &list, client.InNamespace(c.namespace))
	}
	if err != nil {
		return nil, partial, fmt.Errorf("list bindings: %w", err)
	}
	return list.Items, partial, nil
}

// tellPartial says that what another namespace declares is not known.
func (s *session) tellPartial(c cluster, partial bool) {
	if partial {
		fmt.Fprintf(s.ErrOut, "You may not list the bindings of all namespaces: only what those of namespace %s declare is known.\n", printable(c.namespace))
	}
}

// connectionObject is a connection of either kind, as a client takes it.
type connectionObject interface {
	v1alpha1.Connection
	client.Object
}

func newConnection(kind v1alpha1.ConnectionKind) connectionObject {
	if kind == v1alpha1.KindClusterAstroConnection {
		return &v1alpha1.ClusterAstroConnection{}
	}
	return &v1alpha1.AstroConnection{}
}
