// Package docs checks that the documents tell the truth where a program can tell: every reason has its place in the
// runbook, every command of the Astro CLI has its row, every example is taken by a real API server, every link leads
// somewhere, and every page does what it says when its commands are run. What they say in words is for reviewers.
package docs
