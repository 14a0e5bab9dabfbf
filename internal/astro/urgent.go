package astro

import "context"

type urgentKey struct{}

// Urgent marks the role updates made with the context as those for which somebody waits: their write goes before the
// others that wait for the rate limit.
func Urgent(ctx context.Context) context.Context { return context.WithValue(ctx, urgentKey{}, true) }

func isUrgent(ctx context.Context) bool { return ctx.Value(urgentKey{}) != nil }
