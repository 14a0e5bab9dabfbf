// Package shard answers which Organizations an instance of the operator serves, where several instances share the work.
// One connection decides for an Organization by its labels, so that all connections of one Organization are always served
// by one instance, and every instance comes to the same answer from the same objects. It knows nothing of a cluster: it is
// told what connections there are, and what it says follows from them and from a clock.
package shard
