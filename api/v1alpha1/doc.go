// Package v1alpha1 holds the kinds of the group astro.scopedtoken.dev: what a user declares, what the operator
// answers, and the words (condition types, reasons, annotations) both sides use. Every rule that the API server can
// check without asking anybody is a schema or CEL rule here, so no webhook is needed. The package knows apimachinery
// and nothing of Astro's HTTP API.
//
// +kubebuilder:object:generate=true
// +groupName=astro.scopedtoken.dev
package v1alpha1
