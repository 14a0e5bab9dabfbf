package astro

// Throttled reports whether Astro has asked the client's credential to slow down, and the rates have not recovered yet.
func (c *Client) Throttled() bool { return c.limiter.reads.isLowered() || c.limiter.writes.isLowered() }

func (l *lane) isLowered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	l.recover(now)
	return l.rate < l.ceiling || l.closed.After(now)
}
