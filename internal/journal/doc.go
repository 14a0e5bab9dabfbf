// Package journal is a write-ahead log of claims, kept in ConfigMaps of the operator's namespace. A claim is entered
// before Astro is asked for its role and cleared once the binding's status says it, so that a crash in between leaves
// nothing behind that nobody knows of.
//
// Read entry.go for what is logged, page.go for how it is stored, journal.go for what may be done with it, bucket.go for
// what one page or its overflow holds, and commit.go for how pages are written: by one process, all waiting changes of a
// page at once. others.go reads the journals of the cluster's other operators. The package knows an API server and nothing of
// Astro or of controllers.
package journal
