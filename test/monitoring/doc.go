// Package monitoring pins promtool, which `make alerts` runs over alerts_promtool.yaml, and the engine that draws the dashboard
// in the folder draw. It is a module of its own, since Prometheus' many dependencies want other versions than the operator's.
package monitoring
