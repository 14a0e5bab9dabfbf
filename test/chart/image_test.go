package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImage: the digest that a release puts into its chart is what runs, until a user names a tag or a digest.
func TestImage(t *testing.T) {
	released, own := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	source, packed := filepath.Join(env.Root, "config", "chart"), filepath.Join(t.TempDir(), "chart")
	if err := os.CopyFS(packed, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	metadata, err := os.OpenFile(filepath.Join(packed, "Chart.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := metadata.WriteString("  astro.scopedtoken.dev/image-digest: " + released + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := metadata.Close(); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ chart, set, want string }{
		"Checkout":         {source, "replicaCount=1", "scopedtoken-operator:latest"},
		"Release":          {packed, "replicaCount=1", "scopedtoken-operator@" + released},
		"Mirror":           {packed, "image.repository=registry.example.com/mirror", "registry.example.com/mirror@" + released},
		"OwnTag":           {packed, "image.tag=mine", "scopedtoken-operator:mine"},
		"OwnDigest":        {packed, "image.digest=" + own, "scopedtoken-operator@" + own},
		"OwnTagAndDigest":  {packed, "image.tag=mine,image.digest=" + own, "scopedtoken-operator@" + own},
		"CheckoutsDigest":  {source, "image.digest=" + own, "scopedtoken-operator@" + own},
		"ReleaseNullImage": {packed, "image=null", "scopedtoken-operator@" + released},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, "template", release, tc.chart, "--set", tc.set, "--show-only", "templates/deployment.yaml")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out, "\n        image: \""+tc.want+"\"\n") {
				t.Errorf("want the image %s in\n%s", tc.want, out)
			}
		})
	}
}
