// Package health checks every state that an object of the operator was seen in with the status library of Flux and the
// Lua engine of Argo CD, against the table that users read in docs/health.md. The states come from the stories, which keep
// them in the folder that STATES names. A reason that was not seen, or that the table lacks, is a failure.
package health
