package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const usage = `simctl --url URL COMMAND
  holds FILE                       every role of every token, and what changed since FILE was written
  role TOKEN TARGET                the role of a token on a Workspace or Deployment, by name; nothing if there is none
  METHOD PATH [NAME=VALUE ...]     a command of the administration, such as: POST tokens/ci/revoke deployment=prod`

func main() {
	address := flag.String("url", os.Getenv("ASTROSIM_URL"), "where astrosim listens; ASTROSIM_URL if not given")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := run(ctx, simulator(*address), flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "simctl:", err)
		os.Exit(1) //nolint:gocritic // the process ends, and the request with it
	}
}

func run(ctx context.Context, sim simulator, args []string, out io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "holds":
		return sim.holds(ctx, args[1], out)
	case len(args) == 3 && args[0] == "role":
		return sim.role(ctx, args[1], args[2], out)
	case len(args) >= 2 && args[0] == strings.ToUpper(args[0]):
		answer, err := sim.do(ctx, args[0], args[1], args[2:])
		if err != nil {
			return err
		}
		_, err = out.Write(answer)
		return err
	default:
		return fmt.Errorf("what is asked is not clear\n%s", usage)
	}
}

// simulator is the URL of an astrosim.
type simulator string

// do sends a command, with arguments of the form name=value, and returns the answer.
func (s simulator) do(ctx context.Context, method, path string, arguments []string) ([]byte, error) {
	form := url.Values{}
	for _, a := range arguments {
		name, value, _ := strings.Cut(a, "=")
		form.Add(name, value)
	}
	target := url.URL{Path: "/_sim/" + path, RawQuery: form.Encode()}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(string(s), "/")+target.String(), nil) //nolint:gosec // the user says where
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request) //nolint:gosec // as above
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, strings.TrimSpace(string(answer)))
	}
	return answer, err
}
