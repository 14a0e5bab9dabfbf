// Program envtest downloads the programs of a control plane that others have built, as setup-envtest does and from the
// same kind of index, into a folder: seconds where compiling them takes minutes. build.sh in hack/controlplane runs it
// first and compiles what it could not provide.
//
// Read main.go first, then fetch.go (which release, and waiting for it) and unpack.go (its programs).
package main
