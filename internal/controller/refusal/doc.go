// Package refusal tells of writes that Kubernetes refuses. A refused finalizer shows in the object's status. A refused
// status can be told of by an event only, and by a metric: this package counts, and says when an event is due.
package refusal
