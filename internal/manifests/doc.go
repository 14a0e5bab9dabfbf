// Package manifests reads the objects of this operator out of manifests, and makes of them what the API server would make:
// with its defaults, checked by its schema and its rules, and laid over the object that is there. It needs no API server, and
// so no right to write.
//
// Read it in this order:
//
//   - files.go, read.go: files, folders and streams into documents;
//   - metadata.go: what the API server would have against names, namespaces, labels and annotations;
//   - schema.go: defaults and rules, from the CustomResourceDefinitions;
//   - overlay.go: what applying a document makes of the object that is there.
package manifests
