// Package astro is the client of Astro's public REST API v1: API tokens and their roles, and the names of Workspaces and
// Deployments. The Client keeps the rate limit and decides once what each error is. The Directory shares one complete
// listing of tokens among all who ask. The package knows HTTP and nothing of Kubernetes.
//
// The files in reading order. A file uses only files that come before it.
//
// What Astro knows, as plain values:
//
//   - redact.go: no text from outside enters an error before it is cleaned of secrets.
//   - errors.go: the kinds of errors. Callers ask with errors.Is and never see a status code. The text of an error is for everybody;
//     what was answered is beside it, see InFull and ToOwner.
//   - fields.go: reads and edits single fields of a JSON object, so that unknown fields survive.
//   - role.go: one entry of a token's role set, kept byte for byte.
//   - token.go: an API token.
//   - target.go: Workspaces, Deployments and custom roles.
//   - confirm.go: whether a token shows what was written to it.
//
// How a request is made:
//
//   - together.go: how long callers wait that would rather get an error than wait long, for one call or for many.
//   - limiter.go, impatient.go, budgets.go: the rates of a credential, shared by all connections that use it. The first two use each other.
//   - retry.go: which errors are worth another attempt, and a budget for the attempts.
//   - jwt.go: whether a value is exactly one JWT, and what else it is if not.
//   - credential.go: what a secret says of itself, and what Astro said when it refused it.
//   - bounds.go, memory.go: what Astro may make the process hold in memory, in one answer and in all listings together.
//   - authorities.go, transport.go: the connections, and the certificate authorities that are trusted.
//   - recency.go: what was written to a token and seen of it lately, for all clients of the process.
//   - page.go: web pages that stand where Astro's answers should, such as a proxy's.
//   - client.go: the options and the Client.
//   - answer.go: makes an error of an answer, or of none.
//   - request.go: one request from its slot of the rate limit to its decoded answer.
//
// What is asked of Astro:
//
//   - paging.go: reads a paged list completely, or not at all.
//   - reads.go: every read of the API.
//   - update.go: the only write. Begin at UpdateRoles.
//
// What is remembered:
//
//   - target_rows.go, target_batch.go, target_cache.go: fold the lookups of targets into few calls, and cache their answers; the
//     rows are those that are looked at each sweep.
//   - trust.go: decides whether a listing is evidence that a token which it lacks is gone. Pure.
//   - alike.go: the names that are known, to find one that looks like another.
//   - directory.go: the rows of the tokens, from listings and from reads and writes by id.
//   - sweep.go: makes the listings, one at a time, and applies them to the rows.
//   - lookup.go: what callers ask of the Directory; ProveGone is the proof of absence.
package astro
