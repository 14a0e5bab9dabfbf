package astro

// Throttled reports whether Astro has asked the client's credential to slow down, and the rates have not recovered yet.
func (c *Client) Throttled() bool { return c.limiter.reads.isLowered() || c.limiter.writes.isLowered() }

func (b *bucket) isLowered() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	b.recover(now)
	return b.rate < b.ceiling || b.pausedUntil.After(now)
}
