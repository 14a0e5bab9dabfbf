// Package text makes what others wrote fit to be shown: on one line, without characters that are not seen or that do
// something to a terminal, a log or the direction of the rest, and no longer than there is room for. It is pure.
package text
