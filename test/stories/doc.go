// Package stories tells what users and platform teams live through with the operator: every controller in one manager,
// against a real API server and a simulated Astro over real HTTP. Each story has its own Astro, namespaces and manager, and
// asserts what Astro holds, what the conditions say, and what it cost where the cost is the point. There is nothing in
// the package but tests.
package stories
