// Program bench measures the operator: the real bin/manager between a real Kubernetes API server and a simulated Astro
// that answers after 80 ms and keeps Astro's published rate limits. It prints one `figure` line for each thing measured,
// with the bound or baseline measured in the same run beside it, and fails only when a role is lost or a run does not
// finish: how fast is fast enough depends on the machine. `make bench` builds what it needs; docs/performance.md tells how
// to read the figures.
package main
