// Program chaos proves the operator's promises under the worst that can happen: the real bin/manager between a real
// Kubernetes API server and a simulated Astro, users and other writers at work on the same tokens, every fault there is
// injected, and the operator killed between any two of its side effects. At each quiet point a checker that shares no
// code with the operator compares what Astro holds, every write on the way there and every status with what was declared.
// One seed draws it all; `make chaos` runs it, docs/chaos.md tells how to read and replay it.
package main
