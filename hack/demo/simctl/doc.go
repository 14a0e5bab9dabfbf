// Program simctl looks at a running astrosim and meddles with it, so that the demo needs no curl. It shows what Astro
// holds with the changes since it was last asked, tells the role of one token on one target, and sends any other
// command of astrosim's administration.
package main
