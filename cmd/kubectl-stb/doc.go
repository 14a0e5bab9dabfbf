// Program kubectl-stb is a plugin for kubectl: what Astro's API tokens may do, which bindings declare it, bindings for what
// none declares, and what manifests would change. It writes to standard output and nowhere else. The code is in internal/stb.
package main
