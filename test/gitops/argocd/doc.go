// Package argocd runs Argo CD's own application controller and repository server against a real API server, the operator
// and a simulated Astro, with the examples of config/samples/argocd and the health script that users install. The connection
// comes before the bindings, the Application is Healthy when they are, and nothing is out of sync once the operator has
// written to them. It is a module of its own, with what Argo CD replaces.
package argocd
