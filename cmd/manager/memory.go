package main

// gcPercent is by how much the memory grows over what is in use before it is collected, Go's own being 100. Most of what
// is in use are bindings in the cache, which stay, so that at 10,000 of them the growth would be the larger part of what
// could be saved. Collecting more often costs processor time only while much is going on, when the operator waits for
// Astro's rate limit anyway.
const gcPercent = 35

// saveMemory sets the garbage collector's pace, unless whoever runs the operator has set one: lookup finds what is in the
// environment.
func saveMemory(lookup func(string) (string, bool), set func(percent int) int) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, given := lookup(name); given {
			return
		}
	}
	set(gcPercent)
}
