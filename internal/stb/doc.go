// Package stb is kubectl-stb, a plugin for kubectl that shows what Astro's API tokens may do and which bindings declare it,
// that makes bindings of what none declares, and that says what manifests would change. It reads Kubernetes with the rights
// of its user, and Astro with ASTRO_API_TOKEN or the Secret of a connection. It writes nothing to either: the client of Astro
// is fenced, and no method of the client of Kubernetes that writes is called.
//
// Read it in this order:
//
//   - command.go, session.go: the commands and what all of them are told by flags;
//   - cluster.go, connection.go, organization.go: what is read, of Kubernetes and of Astro;
//   - declared.go, grants.go, selection.go: who may do what, which binding declares it, and which of it is asked for (pure);
//   - table.go, data.go: how it is printed;
//   - list.go, roles.go, matrix.go, page.go: the commands that show it;
//   - explain.go, precedence.go: why one binding is as it is;
//   - names.go, manifest.go, namespaces.go, export.go, leftout.go: bindings for it;
//   - plan.go, declare.go, present.go, overlay.go, touched.go, labels.go, printplan.go: what manifests would change, as package plan
//     has it.
package stb
