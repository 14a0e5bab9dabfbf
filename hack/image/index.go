package main

import (
	"context"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// build is the index of an image for each platform. It says how large each is to pull.
func build(ctx context.Context, o options, out io.Writer) (v1.ImageIndex, error) {
	scratch, err := os.MkdirTemp("", "image-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	base, err := baseLayer()
	if err != nil {
		return nil, err
	}
	var parts []mutate.IndexAddendum
	programs := map[string][]byte{}
	for _, p := range o.platforms {
		binary, err := compile(ctx, o, p, scratch)
		if err != nil {
			return nil, err
		}
		image, err := makeImage(o, p, base, binary)
		if err != nil {
			return nil, fmt.Errorf("make the image for %s: %w", p, err)
		}
		if err := report(out, p, image, binary); err != nil {
			return nil, err
		}
		parts = append(parts, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &p}})
		programs[p.String()] = binary
	}
	if o.bom != "" {
		if err := writeBOM(o.bom, o, programs); err != nil {
			return nil, err
		}
	}
	index := mutate.IndexMediaType(mutate.AppendManifests(empty.Index, parts...), types.OCIImageIndex)
	return mutate.Annotations(index, labels(o)).(v1.ImageIndex), nil //nolint:forcetypeassert // it returns what it was given
}

// makeImage is the image of one platform.
func makeImage(o options, p v1.Platform, base v1.Layer, binary []byte) (v1.Image, error) {
	program, err := layer(file{name: entrypoint(o)[1:], mode: 0o755, data: binary})
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image,
		mutate.Addendum{Layer: base, History: v1.History{CreatedBy: "certificates of authorities, a user that is not root"}},
		mutate.Addendum{Layer: program, History: v1.History{CreatedBy: "go build " + o.program}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	config.Config = v1.Config{User: user, Entrypoint: []string{entrypoint(o)}, WorkingDir: "/", Labels: labels(o)}
	return mutate.ConfigFile(image, config)
}

// report says how large an image is.
func report(out io.Writer, p v1.Platform, image v1.Image, binary []byte) error {
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	size := manifest.Config.Size
	for _, l := range manifest.Layers {
		size += l.Size
	}
	_, err = fmt.Fprintf(out, "%-12s %5.1f MB to pull, the program %5.1f MB\n", p, megabytes(size), megabytes(int64(len(binary))))
	return err
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }
