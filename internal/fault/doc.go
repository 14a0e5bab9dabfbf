// Package fault says what keeps an object from being Ready, in the words of its conditions, for the controllers of all kinds.
// There is one type of fault (fault.go), and one of warning for what does not (warning.go); one table from an error of Astro's
// API to a reason (astro.go), and one from an error of Kubernetes' (kubernetes.go); and one derivation of Ready and of what
// kstatus asks for (conditions.go). It is pure: no clock, no I/O.
package fault
