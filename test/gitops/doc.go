// Package gitops asks the tools that users install the operator's objects with what they make of them: the status library
// of Flux, the health engine and the differences of Argo CD, kubectl, and the controllers themselves. It is a module of its
// own, so that none of these is a dependency of the operator.
package gitops
