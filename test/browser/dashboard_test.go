package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDashboard looks at the dashboard as test/monitoring/draw draws it: what was scraped makes lines that can be seen, and no
// panel lies over another. It makes the picture of docs/operating.md, where BROWSER_PICTURE names its file.
func TestDashboard(t *testing.T) {
	p := open(t, "dashboard.html", 1200)
	height := ask[int64](p, `document.documentElement.scrollHeight`)
	p.do(chromedp.EmulateViewport(1200, height))
	if panels := ask[int](p, `document.querySelectorAll("section").length`); panels < 20 {
		t.Errorf("%d panels are there", panels)
	}
	if lines := ask[int](p, `[...document.querySelectorAll("path")].filter(l => l.getBoundingClientRect().width > 50).length`); lines < 3 {
		t.Errorf("%d lines can be seen", lines)
	}
	over := ask[[]string](p, `(() => {
		const all = [...document.querySelectorAll("section")].map(s => [s.querySelector("h2").textContent, s.getBoundingClientRect()]);
		return all.flatMap(([name, a], i) => all.slice(i + 1).filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
			.map(([other]) => name + " and " + other));
	})()`)
	if len(over) > 0 {
		t.Errorf("panels lie over each other: %q", over)
	}
	keep(t, see(p, chromedp.FullScreenshot(100)))
}
