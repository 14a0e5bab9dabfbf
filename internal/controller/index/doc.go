// Package index says what the cache keeps: which part of an object (strip.go), and by which fields the controllers look
// objects up (index.go). It says how each value is spelled; who looks up and who is looked up agree here.
package index
