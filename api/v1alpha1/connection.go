package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Connection is either kind of connection, for code that serves both.
// +kubebuilder:object:generate=false
type Connection interface {
	metav1.Object
	runtime.Object
	// ConnectionSpec is the spec, shared with the object.
	ConnectionSpec() *ConnectionSpec
	// ConnectionStatus is the status, shared with the object.
	ConnectionStatus() *ConnectionStatus
	// ConnectionKind is the kind by which references name the connection.
	ConnectionKind() ConnectionKind
}

var (
	_ Connection = &AstroConnection{}
	_ Connection = &ClusterAstroConnection{}
)

// ConnectionSpec implements Connection.
func (c *AstroConnection) ConnectionSpec() *ConnectionSpec { return &c.Spec }

// ConnectionStatus implements Connection.
func (c *AstroConnection) ConnectionStatus() *ConnectionStatus { return &c.Status }

// ConnectionKind implements Connection.
func (c *AstroConnection) ConnectionKind() ConnectionKind { return KindAstroConnection }

// ConnectionSpec implements Connection.
func (c *ClusterAstroConnection) ConnectionSpec() *ConnectionSpec { return &c.Spec }

// ConnectionStatus implements Connection.
func (c *ClusterAstroConnection) ConnectionStatus() *ConnectionStatus { return &c.Status }

// ConnectionKind implements Connection.
func (c *ClusterAstroConnection) ConnectionKind() ConnectionKind { return KindClusterAstroConnection }
