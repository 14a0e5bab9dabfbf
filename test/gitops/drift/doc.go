// Package drift applies every example manifest to a real API server, as kubectl and Argo CD do, and checks that nothing
// differs afterwards: neither for kubectl nor for Argo CD's own comparison, neither before nor after the operator has
// written what it writes. A default that shows as a difference would be applied again and again.
package drift
