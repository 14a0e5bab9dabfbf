// Package measure has what the metrics of several controllers share. series.go keeps the series of connections, which go with
// their connection. bindings.go and tokens.go count what is declared and what Astro holds; they are pure. lease.go counts what happens to the lease.
package measure
