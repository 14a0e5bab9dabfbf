package policy

// RevocationShare is how many roles one of several namespaces may lose through a connection in the time in which all of them
// together may lose limit: half, rounded up.
func RevocationShare(limit int) int { return (limit + 1) / 2 }
