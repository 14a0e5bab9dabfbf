// Program soak lets an hour of the operator's life pass in a minute and looks for what grows: the operator runs inside of
// the program with a clock that is moved on, while users edit, make again and delete, others write to the same tokens,
// and Astro is away now and then. It compares memory by allocation site, goroutines, work queues and metric series with
// those of the first quarter, under the same population, and asks of each role that was written what it was written for.
// `make soak` runs it; nothing of it is for a real Astro.
package main
