package astro

import "time"

// Clock is the time that a limiter goes by.
type Clock interface {
	Now() time.Time
	// After is time.After, and a function that ends it early.
	After(d time.Duration) (<-chan time.Time, func())
}

// Limiter keeps the rate of one credential, reads and writes apart.
type Limiter struct{}

// BudgetOptions make Budgets.
type BudgetOptions struct {
	Clock Clock // none: the system's
}

// Budgets hands out one Limiter a credential.
type Budgets struct{}

// NewBudgets makes an empty set of budgets.
func NewBudgets(opts BudgetOptions) *Budgets { return &Budgets{} }

// For is the limiter of a credential, for a user of it with rates of its own.
func (b *Budgets) For(host, tokenID, user string, reads, writes float64) *Limiter { return &Limiter{} }

// Drop takes a user away.
func (b *Budgets) Drop(host, tokenID, user string) {}
