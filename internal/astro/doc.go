// Package astro talks to Astro's public REST API v1: tokens and their roles, and the names of Workspaces and
// Deployments. The Client carries the rate limit and decides once what each error is; the Directory shares one complete
// listing of tokens among all who ask. It knows HTTP and nothing of Kubernetes.
package astro
