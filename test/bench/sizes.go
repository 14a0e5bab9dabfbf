package main

import (
	"context"
	"errors"
	"fmt"
)

// measurement is one size on its way through the scenarios.
type measurement struct {
	*tenant

	size    size
	largest bool // its figures are the ones without a size in their names
	late    int  // bindings that were applied beside the cold start
}

// scenario is a step of a measurement, and what it is called when it fails.
type scenario struct {
	name string
	run  func(context.Context) error
}

// measureSizes takes each size through every scenario.
func (b *bench) measureSizes(ctx context.Context) error {
	var faults []error
	for i, s := range b.sizes {
		err := b.within(ctx, func(w *world) error {
			m := &measurement{size: s, largest: i == len(b.sizes)-1}
			return m.measure(ctx, w)
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s, err))
		}
	}
	return errors.Join(faults...)
}

// measure begins with a cold start. What is measured at rest then follows in the same world, whatever fails of it.
func (m *measurement) measure(ctx context.Context, w *world) error {
	fmt.Fprintln(w.figures.out, "#", m.size)
	org, err := w.newOrganization(m.size)
	if err != nil {
		return err
	}
	if m.tenant, err = w.newTenant(ctx, "bench", org); err != nil {
		return err
	}
	if err := m.coldStart(ctx); err != nil {
		return fmt.Errorf("cold start: %w", err)
	}
	var faults []error
	for _, s := range []scenario{
		{"idle", m.idle}, {"drift", m.drift}, {"change of role", m.changeRole}, {"new bindings", m.newBindings}, {"restart", m.restart},
	} {
		if err := s.run(ctx); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(faults...)
}
