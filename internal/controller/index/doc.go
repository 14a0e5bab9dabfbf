// Package index names the fields by which the controllers look objects up in the cache, and registers them, once for a
// manager. It says how each value is spelled; who looks up and who is looked up agree here.
package index
