// Program kubectl-stb is a plugin for kubectl. It lists what Astro's API tokens may do and which bindings declare it, exports
// bindings for roles that none declares, and says what manifests would change. It prints, and writes no files but those that
// export --dir and matrix --html name. The code is in internal/stb.
package main
