// Package plan says what the operator would do about a set of bindings, connections and rules, without doing it. It performs
// the protocol of package decision, which is what the operator decides with, against copies of what is declared and of what
// Astro holds, until nothing more happens. It is pure: it reads nothing and writes nothing.
//
// Read it in this order:
//
//   - world.go: all that is known, and how names and targets are looked up in it;
//   - run.go, gather.go, perform.go, limit.go: the reconciles, one after the other, until all is quiet;
//   - result.go: what has become of each binding, and of each role in Astro;
//   - compare.go: two results, one with the manifests and one without them, as a list of what the manifests change.
package plan
