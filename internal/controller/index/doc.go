// Package index says what the cache keeps: which part of an object (strip.go), and by which fields the controllers look
// objects up (index.go). value.go defines how an indexed value is spelled, once, for those who write it and those who look it up.
package index
