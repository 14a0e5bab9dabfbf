// Package connection proves the credential of every AstroConnection and ClusterAstroConnection, lists its tokens once a
// sweep, and tells the other controllers what differs. A credential counts only once Astro has accepted it for the
// Organization declared.
//
// What others need comes first: handle.go (what is handed out of a connection), notice.go (what changed), and registry.go,
// which holds both and passes questions on to the stores: credentials.go and revocation_limit.go.
//
// Then the controller, in the order of a reconcile: setup.go and watch.go (what it is woken by, and how many of a
// namespace are looked at side by side), reconciler.go (Reconcile and its phases), memory.go (what is remembered
// between two reconciles), proof.go (the credential; credential.go reads it from its Secret, access.go makes the
// client, fault.go says what went wrong), sweep.go (the listing), trust_request.go (the annotation by which a user vouches
// for it), bindings.go (who refers to the connection), deletion.go, revocation.go, and status.go with metrics.go. A phase
// takes values and returns values; Reconcile alone puts them into the memory.
package connection
