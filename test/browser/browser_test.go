package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pages is the folder in which the tests of internal/stb have left their pages.
var pages = os.Getenv("STB_PAGES")

// patience is how long a page may take for all that a test does with it.
const patience = time.Minute

// A width in pixels of what people read the page on.
const (
	desk  = 1280
	phone = 360
)

// tab is a page that is open.
type tab struct {
	*testing.T

	ctx context.Context

	mu    sync.Mutex
	wrong []string // what a page of text and one script must not do
}

// open opens one of the pages in a browser of its own. The test fails if the page loads anything else, or if its script or its
// policy complains.
func open(t *testing.T, name string, width int64) *tab {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(pages, name))
	if _, statErr := os.Stat(file); err != nil || statErr != nil || pages == "" {
		t.Fatalf("STB_PAGES=%q has no page %s: `make browser` makes it", pages, name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)...) // CI is root
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	p := &tab{T: t, ctx: ctx}
	url := "file://" + file
	p.do(chromedp.EmulateViewport(width, 800))
	if err := chromedp.Listen(ctx, func(event any) { p.listen(event, url) }); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("main")))
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, w := range p.wrong {
			t.Error(w)
		}
	})
	return p
}

func (p *tab) listen(event any, url string) {
	wrong := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Request.URL != url {
			wrong = "the page loads " + e.Request.URL
		}
	case *runtime.EventExceptionThrown:
		wrong = "the script fails: " + e.ExceptionDetails.Text
	case *log.EventEntryAdded:
		wrong = fmt.Sprintf("the browser says %s: %s", e.Entry.Level, e.Entry.Text)
	case *page.EventJavascriptDialogOpening:
		wrong = "a dialog opens: " + e.Message
	}
	if wrong != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.wrong = append(p.wrong, wrong)
	}
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

// see is what an action says of the page.
func see[V any](p *tab, action chromedp.Action[V]) V {
	p.Helper()
	value, err := chromedp.Run(p.ctx, action)
	if err != nil {
		p.Fatal(err)
	}
	return value
}

// ask is the value of an expression in the page.
func ask[V any](p *tab, expression string) V {
	p.Helper()
	return see(p, chromedp.Evaluate[V](expression))
}

// shown are the rows that can be seen, each as its cells in a line.
func (p *tab) shown() (rows []string) {
	p.Helper()
	return ask[[]string](p, `[...document.querySelectorAll("li")].filter(r => r.checkVisibility()).map(r => [...r.children].map(c => c.textContent).join(" | "))`)
}

// tokens are the headings that can be seen, without what is small in them.
func (p *tab) tokens() (names []string) {
	p.Helper()
	return ask[[]string](p, `[...document.querySelectorAll("h2")].filter(h => h.checkVisibility()).map(h => h.firstChild.textContent.trim())`)
}

// says is what the page says of how much it shows.
func (p *tab) says() string {
	p.Helper()
	return strings.TrimSpace(ask[string](p, `document.querySelector("output").value`))
}

// search types words into the search, after it has been cleared.
func (p *tab) search(words string) {
	p.Helper()
	ask[string](p, `document.getElementById("search").value = ""`)
	p.do(chromedp.SendKeys(chromedp.ID("search"), words+" "))
}

// keep writes a picture where BROWSER_PICTURE says. The test fails if there is nothing on it.
func keep(t *testing.T, picture []byte) {
	t.Helper()
	if len(picture) < 10_000 {
		t.Errorf("a picture of %d bytes shows nothing", len(picture))
	}
	if file := os.Getenv("BROWSER_PICTURE"); file != "" {
		if err := os.WriteFile(file, picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
