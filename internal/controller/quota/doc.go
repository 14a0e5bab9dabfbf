// Package quota is what each namespace may have of what all need, before it waits or goes without: quota.go is how much in a time,
// turns.go who is next where it is used up, and places.go how many side by side. What belongs to no namespace has a share of its own.
package quota
