// Package policy answers whether a namespace may use a connection for a token, a target and a role. It is pure: what it
// says follows from the connection's rules and the facts it is given, and nothing is allowed that no rule allows. What it
// says to somebody who is refused never tells whether the token or the target exists.
package policy
