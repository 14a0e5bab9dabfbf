// Package browser looks at the page of `kubectl stb matrix --html` in a headless Chromium, as people do: on a wide screen and
// on a phone, with six roles and with ten thousand, and with names in it that are made to break it. The pages are those that
// the tests of internal/stb make. It also looks at the dashboard as test/monitoring/draw draws it. `make browser` runs it.
//
// Start at browser_test.go, which opens a page and listens to what it does; page_test.go and dashboard_test.go say what the
// pages have to do.
package browser
