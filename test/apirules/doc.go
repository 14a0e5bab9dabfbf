// Package apirules proves the kinds of api/v1alpha1 on a real API server: which manifests it takes and refuses and with
// what words, what it fills in, and what kubectl shows. There is nothing here but tests, and one API server for all.
package apirules
