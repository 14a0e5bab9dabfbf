// Package lookalike tells names apart that look the same to a reader, or nearly: "Data" and "data", "é" as one character
// and as two, "a-b" with a hyphen and with a dash. It is pure. Names are never taken for each other because of it; it only
// finds the words of a hint.
package lookalike
