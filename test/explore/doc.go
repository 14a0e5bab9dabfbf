// Command explore visits every interleaving, up to a bound, of the operator's decisions with users, an API server, Astro,
// faults and crashes. It drives the code of package decision itself, Begin, Next and After, against small models of the
// rest, breadth first, and prints the shortest history of each violation. It is deterministic, without network and clock.
//
// Read it in this order:
//
//   - state.go, object.go, astro.go: what a state is made of: objects, Astro's role set, the operator's memory, the journal;
//   - encode.go: how a state becomes a hash;
//   - action.go: what may happen in a state, and what follows;
//   - users.go, apiserver.go: what users, the API server, its watch and other writers of Astro may do;
//   - operator.go, gather.go, perform.go, post.go, report.go: the operator, one effect a step;
//   - check.go: what must be true in every state and of every write;
//   - rest.go: from every state, without users and faults, the operator comes to rest as declared;
//   - scenario.go: where exploring begins, and how much of everything may happen;
//   - search.go, history.go, main.go: the breadth-first search, histories and their replay, and flags;
//   - mutate.go, mutations/: faults that are put into a copy of the code, each of which has to be found.
package main
