// Program kubectl-stb is a plugin for kubectl: what Astro's API tokens may do, which bindings declare it, and bindings for
// what none declares. It writes to standard output and nowhere else. The code is in internal/stb.
package main
