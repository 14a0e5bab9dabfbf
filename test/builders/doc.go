// Package builders makes the objects that tests, benchmarks and demonstrations apply, so that each case says only what it
// is about. What a builder is not told is what a user would most likely write. It knows api/v1alpha1 and nothing of the
// operator.
package builders
