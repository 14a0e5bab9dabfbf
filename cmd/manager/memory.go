package main

// gcPercent is by how much the memory grows over what is in use before it is collected, Go's own being 100. Most of what
// is in use are bindings in the cache, which stay; what is thrown away is small, so collecting twice as often costs little
// and saves a quarter of the memory that the Pod has to be given.
const gcPercent = 50

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
