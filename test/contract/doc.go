// Program contract holds recorded exchanges against an OpenAPI document of Astro's v1 API: every answer of the simulated
// Astro, and every request of the operator. The exchanges are those that internal/astrosim records while tests run
// (ASTROSIM_RECORD names the folder); `make contract` records and checks. It is a module of its own, so that the library
// that validates is no dependency of the operator, and it shares no code with what it checks.
//
// Read document.go (how strictly the document is taken), then check.go (what is asked of one exchange), then allowed.go
// (the deviations that are meant).
package main
