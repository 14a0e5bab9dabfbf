package browser

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestFilters(t *testing.T) {
	p := open(t, "matrix.html", desk)
	const (
		data, etl, models = "Workspace data | WORKSPACE_MEMBER | held by no binding", "Deployment prod-etl in data | Deploy Only | ", "Deployment models in science | DEPLOYMENT_ADMIN | held by no binding"
		metrics           = "Deployment prod-etl in data | DEPLOYMENT_ADMIN | "
	)
	undeclared, expiring := chromedp.Click(chromedp.ID("undeclared")), chromedp.Click(chromedp.ID("expiring"))
	workspace := chromedp.SendKeys(chromedp.ID("workspace"), "science")
	steps := []struct {
		reason string
		search string
		do     []chromedp.Action[chromedp.Void]
		rows   []string // how they begin
		tokens []string
	}{
		{"All of it at first.", "", nil, []string{data, etl, models, metrics}, []string{"CI deployer", "airflow-metrics"}},
		{"The search finds a target, in capitals or not.", "Prod-ETL", nil, []string{etl, metrics}, []string{"CI deployer", "airflow-metrics"}},
		{"Each word narrows it, wherever it stands.", "prod-etl airflow", nil, []string{metrics}, []string{"airflow-metrics"}},
		{"The id of a token finds it.", "cltk0000000000000000000ci", nil, []string{data, etl, models}, []string{"CI deployer"}},
		{"What the page shows can be searched for.", "held by no binding", nil, []string{data, models}, []string{"CI deployer"}},
		{"Nothing fits.", "nobody", nil, nil, nil},
		{"A cleared search shows all again.", "", nil, []string{data, etl, models, metrics}, []string{"CI deployer", "airflow-metrics"}},
		{"Roles that no binding holds, one that only watches included.", "", []chromedp.Action[chromedp.Void]{undeclared}, []string{data, models, metrics}, []string{"CI deployer", "airflow-metrics"}},
		{"With a search.", "science", nil, []string{models}, []string{"CI deployer"}},
		{"Tokens that expire soon.", "", []chromedp.Action[chromedp.Void]{undeclared, expiring}, []string{data, etl, models}, []string{"CI deployer"}},
		{"In one Workspace.", "", []chromedp.Action[chromedp.Void]{expiring, workspace}, []string{models}, []string{"CI deployer"}},
	}
	for _, s := range steps {
		p.do(s.do...)
		p.search(s.search)
		rows := p.shown()
		fits := len(rows) == len(s.rows)
		for i := range min(len(rows), len(s.rows)) {
			fits = fits && strings.HasPrefix(rows[i], s.rows[i])
		}
		if !fits || !slices.Equal(p.tokens(), s.tokens) {
			t.Errorf("%s\nwant rows %q of %q\ngot %q of %q", s.reason, s.rows, s.tokens, rows, p.tokens())
		}
		if words := p.says(); !strings.HasPrefix(words, strconv.Itoa(len(s.rows))+" ") {
			t.Errorf("%s The page says %q", s.reason, words)
		}
	}
}

// On a phone nothing has to be moved aside to be read, and on either all can be read: no cell is cut off or over another.
func TestFits(t *testing.T) {
	for _, name := range []string{"matrix.html", "odd.html", "tenthousand.html"} {
		for _, width := range []int64{phone, desk} {
			t.Run(name+"-"+strconv.FormatInt(width, 10), func(t *testing.T) {
				p := open(t, name, width)
				if wide := ask[int64](p, `document.documentElement.scrollWidth`); wide > width {
					t.Errorf("the page is %d wide on a screen of %d", wide, width)
				}
				over := ask[[]string](p, `[...document.querySelectorAll("li")].slice(0, 100).flatMap(r => [...r.children])
					.filter(c => c.scrollWidth > c.clientWidth + 1 && getComputedStyle(c).display !== "inline").map(c => c.textContent)`)
				if len(over) > 0 {
					t.Errorf("cells are cut off: %q", over)
				}
			})
		}
	}
}

// Names that are made to break out of the text stay text: no element, no handler, no dialog comes of them.
func TestNamesStayText(t *testing.T) {
	p := open(t, "odd.html", desk)
	tags := ask[[]string](p, `[...new Set([...document.querySelectorAll("main *")].map(e => e.tagName))].sort()`)
	if want := []string{"H2", "LI", "SECTION", "SMALL", "SPAN", "UL"}; !slices.Equal(tags, want) {
		t.Errorf("want elements %q, got %q", want, tags)
	}
	if odd := ask[[]string](p, `[...document.querySelectorAll("main *")].flatMap(e => e.getAttributeNames()).filter(a => a.startsWith("on"))`); len(odd) > 0 {
		t.Errorf("handlers: %q", odd)
	}
	if names := p.tokens(); !slices.Contains(names, `<script>alert(1)</script>`) || !slices.Contains(names, `" onmouseover="alert(1)`) {
		t.Errorf("names are not shown as they are: %q", names)
	}
}

// Ten thousand roles can be opened and searched.
func TestTenThousand(t *testing.T) {
	began := time.Now()
	p := open(t, "tenthousand.html", desk)
	opened := time.Since(began)
	if words := p.says(); words != "10000 roles shown" {
		t.Errorf("the page says %q", words)
	}
	took := ask[float64](p, `(() => {
		const search = document.getElementById("search"), began = performance.now();
		search.value = "clde" + "77".padStart(21, "0");
		search.dispatchEvent(new Event("input", {bubbles: true}));
		document.body.getBoundingClientRect();
		return performance.now() - began;
	})()`)
	if rows := p.shown(); len(rows) != 20 {
		t.Errorf("%d roles are shown of the 20 on one Deployment", len(rows))
	}
	t.Logf("opened, with the browser, in %.1f s; a search takes %.0f ms", opened.Seconds(), took)
	if took > 1000 {
		t.Errorf("a search takes %.0f ms, which is too long for each key", took)
	}
}

// TestPicture makes the picture of docs/kubectl-stb.md anew, where BROWSER_PICTURE names its file.
func TestPicture(t *testing.T) {
	p := open(t, "matrix.html", 900)
	p.do(chromedp.EmulateViewport(900, 370)) // no more than there is
	keep(t, see(p, chromedp.FullScreenshot(100)))
}
