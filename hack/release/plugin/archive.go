package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"os"
	"time"
)

// archive is what was made for one platform.
type archive struct {
	platform platform
	name     string
	sum      [sha256.Size]byte
}

// file is one of an archive.
type file struct {
	name    string
	mode    int64
	content []byte
}

// pack is a compressed tar of the files. It says nothing of who made it, and when: a tar's oldest time stands for that.
func pack(files ...file) ([]byte, error) {
	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	packed := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := packed.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := packed.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := packed.Close(); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func write(path string, content []byte) error {
	return os.WriteFile(path, content, 0o644)
}
