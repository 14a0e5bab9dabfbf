// Program image makes the operator's container image without a container engine and without a base image: the static
// binary, certificates of authorities, a user that is not root, and nothing else, for each platform. The result is an
// OCI archive that `ctr images import` and `kind load image-archive` take, and its bytes are the same each time for the
// same sources, version and Go toolchain. It can also push that archive's image to a registry.
package main
