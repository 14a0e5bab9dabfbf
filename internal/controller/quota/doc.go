// Package quota limits, for each namespace, its part of what all namespaces share; beyond that part a request waits or is refused.
// quota.go limits how much in a time, turns.go says who is next where it is used up, and places.go limits how many are worked on
// side by side. What belongs to no namespace has a share of its own.
package quota
