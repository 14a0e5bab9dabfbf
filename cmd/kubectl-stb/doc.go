// Program kubectl-stb is a plugin for kubectl: what Astro's API tokens may do, which bindings declare it, bindings for what
// none declares, and what manifests would change. It prints, and writes no files but those that
// export --dir and matrix --html name. The code is in internal/stb.
package main
