// Package runbook records the operator's events: it makes their notes fit to be shown, and adds to every warning where its
// reason is explained. A reason is the heading of a section of the runbook, so its anchor is the reason in lower case. The
// messages of conditions stay without it.
package runbook
