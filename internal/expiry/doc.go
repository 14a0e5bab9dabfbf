// Package expiry says how soon something expires, in the steps at which people are told of it, and for how long a token was
// not used. It is pure: the time is given.
package expiry
