// Package astrosim is a simulated Astro over real HTTP, for tests, demonstrations and measurements.
package astrosim
