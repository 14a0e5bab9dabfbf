package argocd

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// serve serves the Git repositories below the folder git and the charts in the folder charts, as a forge and a repository
// of charts do.
func serve() (*httptest.Server, error) {
	folder, charts := filepath.Join(scratch, "git"), filepath.Join(scratch, "charts")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.Mkdir(charts, 0o700)); err != nil {
		return nil, err
	}
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/git/", &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Root: "/git/", Env: []string{"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1"},
	})
	mux.Handle("/charts/", http.StripPrefix("/charts/", http.FileServer(http.Dir(charts))))
	return httptest.NewServer(mux), nil
}

// commit makes the manifests of config/samples/gitops what the repository astro has in its folder gitops, with where Astro
// is in this test and whatever else is to be replaced.
func commit(t *testing.T, replace ...string) {
	t.Helper()
	const organization = "organizationId: clp0a1b2c3d4e5f6g7h8i9j0k"
	words := strings.NewReplacer(append(replace, organization, organization+"\n  apiURL: "+astro+"\n  sweepInterval: 5s")...)
	from, repository := filepath.Join(root, "config", "samples", "gitops"), filepath.Join(scratch, "git", "astro")
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(repository, "gitops", strings.TrimPrefix(path, from))
		return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, []byte(words.Replace(string(text))), 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
	shell(t, repository, `git init -q -b main && git add -A && git -c user.name=test -c user.email=test@example.com commit -q -m change`)
}

// shell runs commands in a folder.
func shell(t *testing.T, folder, commands string) {
	t.Helper()
	command := exec.Command("bash", "-ec", commands)
	command.Dir = folder
	command.Env = append(os.Environ(), "PATH="+filepath.Join(root, "bin")+":"+os.Getenv("PATH"), "HOME="+scratch)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v\n%s", commands, err, out)
	}
}
