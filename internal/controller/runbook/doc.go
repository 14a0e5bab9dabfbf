// Package runbook adds to every warning that the operator records where its reason is explained. A reason is the heading
// of a section of the runbook, so its anchor is the reason in lower case. The messages of conditions stay without it.
package runbook
