// Package flux runs Flux's own controllers against a real API server, the operator and a simulated Astro, with the
// examples of config/samples/flux: what waits for bindings is Ready when they are, and fails at once when one is refused;
// the operator's own chart is installed. Flux's source-controller is not there: the test serves the artifacts and tells of
// them in its place. It is a module of its own, with what the controllers replace.
package flux
