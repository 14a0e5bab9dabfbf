// Package admission says when it is a token's turn. Fairness orders the work queue, so that no namespace's flood holds
// another up; Slots keep the tokens of one connection from taking all workers, and who finds none waits in line without a
// worker. It is pure but for a lock: keys are anybody's, and nothing in it knows a clock or a call.
package admission
