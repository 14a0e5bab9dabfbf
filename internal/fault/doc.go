// Package fault says what keeps an object from being Ready, in the words of its conditions. There is one type of fault
// (fault.go; warning.go is what does not keep it), one table from an error of Astro's API to a reason (astro.go) and one from an
// error of Kubernetes' (kubernetes.go), and one derivation of Ready and of what kstatus asks for (conditions.go), for the
// controllers of all kinds. It is pure: no clock, no I/O.
package fault
