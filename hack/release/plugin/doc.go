// Command plugin makes what a release has of kubectl-stb: an archive for each platform, and the manifest by which krew, the manager
// of kubectl's plugins, finds and checks them. release.sh runs it. The same sources, version and Go toolchain give the same bytes.
//
// Read main.go first, then archive.go and manifest.go.
package main
