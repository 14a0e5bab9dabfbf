// Program astrosim is the simulated Astro of internal/astrosim as a server: started from a seed file, on loopback unless told
// otherwise, with its faults and switches within reach of curl. It is for the demonstration, for tests and for who wants
// to look at the operator, the Astro CLI or Terraform at work without an Organization. docs/simulator.md tells how.
package main
