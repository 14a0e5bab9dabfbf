// Package admission is the one line in which keys wait for a credential of Astro's API: for a place to be worked on, and
// for leave to write. Who waits has no worker, so that whatever arrives meanwhile is there when the key is called.
//
// line.go is the line; order.go says who is called first. The package is pure but for a lock: keys and credentials are
// anybody's, the time is given, and nothing in it makes a call.
package admission
