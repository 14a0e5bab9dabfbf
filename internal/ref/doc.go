// Package ref says which connection an object refers to, and to which host of Astro's API a connection leads. It knows
// the kinds only, so that every other package of the controllers may use it.
package ref
