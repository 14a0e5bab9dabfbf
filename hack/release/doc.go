// Package release checks that whatever tells the version tells the same one: the Makefile, the chart and the release
// notes. The release itself is made by release.sh beside this file, which checks what it has made; reproduce.sh makes it
// a second time and compares the bytes. What it has of kubectl-stb is made by plugin.
package release
