package astro

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strconv"
)

const (
	pageSize        = 1000
	listingAttempts = 3
)

// pagedList is a list of rows W that Astro returns in pages.
type pagedList[W sized] struct {
	call
	items string // the field of the page that holds the rows
	id    func(W) string
	most  int // what all rows may take up; Options.MaxListing if zero

	// like is the row, made of what it has in common with a row that is known, and how many bytes that is; nil: nothing is known.
	like func(W) (W, int)
	// fits reports whether the memory that all listings share has room for so much; nil: it has.
	fits func(taken) bool
}

// sized is a row that tells about how many bytes it takes up.
type sized interface{ size() int }

// page is one answer of a listing.
type page[W sized] struct {
	total int
	rows  []W
}

// fetch reads the list to its end: complete, or ErrIncomplete. A list that changed while it was read is read again.
func (l pagedList[W]) fetch(ctx context.Context, c *Client) ([]W, error) {
	for attempt := 1; ; attempt++ {
		rows, err := l.once(ctx, c)
		if !errors.Is(err, ErrIncomplete) || isFinal(err) || attempt == listingAttempts || !pause(ctx, backoff(attempt)) {
			return rows, err
		}
	}
}

// once reads from the first page to the last. Each page begins with the last row of the page before, which shows that no
// row moved across the boundary. Besides, the total must not change, and must be the number of different rows.
func (l pagedList[W]) once(ctx context.Context, c *Client) ([]W, error) {
	room := &room[W]{list: l, left: cmp.Or(l.most, c.opts.MaxListing)}
	first, err := l.page(ctx, c, 0, room)
	if err != nil {
		return nil, err
	}
	rows, seen := make([]W, 0, min(first.total, 10*pageSize)), map[string]struct{}{}
	for next := first; ; {
		if next.total != first.total {
			return nil, incomplete(l.op, "the total went from %d to %d while the pages were read", first.total, next.total)
		}
		for _, row := range next.rows {
			if _, twice := seen[l.id(row)]; twice {
				return nil, incomplete(l.op, "a row came twice while the pages were read")
			}
			seen[l.id(row)] = struct{}{}
			rows = append(rows, row)
		}
		if len(rows) == first.total {
			return rows, nil
		}
		if len(rows) > first.total || len(next.rows) == 0 {
			return nil, incomplete(l.op, "%d rows came of %d", len(rows), first.total)
		}
		if next, err = l.after(ctx, c, rows, room); err != nil {
			return nil, err
		}
	}
}

// room takes in rows while there is memory for them.
type room[W sized] struct {
	list pagedList[W]
	left int // of what all rows of the list may take up
	taken
}

// keep returns the row as it is kept.
func (r *room[W]) keep(row W) (W, error) {
	row, shared := r.list.inCommon(row)
	size := row.size()
	if size > r.left {
		return row, errNoRoom
	}
	next := taken{rows: r.rows + size, beside: r.beside + size - shared}
	if r.list.fits != nil && !r.list.fits(next) {
		return row, errNoMemory
	}
	r.left, r.taken = r.left-size, next
	return row, nil
}

// drop takes a row out.
func (r *room[W]) drop(row W) {
	row, shared := r.list.inCommon(row)
	size := row.size()
	r.left, r.taken = r.left+size, taken{rows: r.rows - size, beside: r.beside - size + shared}
}

func (l pagedList[W]) inCommon(row W) (W, int) {
	if l.like == nil {
		return row, 0
	}
	return l.like(row)
}

// tooLarge ends a listing that would take up more memory than it may.
func (l pagedList[W]) tooLarge(c *Client) *Error {
	e := incomplete(l.op, "all of it would take up more than %d MiB of memory, which is more than the operator takes from Astro; "+
		"if the Organization is that large, raise --max-listing-mib and the memory limit of the operator", cmp.Or(l.most, c.opts.MaxListing)>>20)
	e.final = true
	return e
}

// after reads the page that follows the rows. The page begins with the last of them, which is removed from it.
func (l pagedList[W]) after(ctx context.Context, c *Client, rows []W, room *room[W]) (page[W], error) {
	next, err := l.page(ctx, c, len(rows)-1, room)
	if err != nil {
		return next, err
	}
	if len(next.rows) == 0 || l.id(next.rows[0]) != l.id(rows[len(rows)-1]) {
		return next, incomplete(l.op, "rows moved while the pages were read")
	}
	room.drop(next.rows[0])
	next.rows = next.rows[1:]
	return next, nil
}

func (l pagedList[W]) page(ctx context.Context, c *Client, offset int, room *room[W]) (page[W], error) {
	k := l.call
	k.timeout, k.maxBody = c.opts.ListTimeout, maxPageBody
	k.query = url.Values{
		"limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(offset)}, "sorts": {"createdAt:asc"},
	}
	maps.Copy(k.query, l.query)
	var p page[W]
	before := *room
	err := c.get(ctx, k, func(body io.Reader) (err error) {
		*room = before // what another attempt has read is given up
		p, err = readPage(body, l.items, l.id, room.keep)
		switch {
		case errors.Is(err, errNoRoom):
			return l.tooLarge(c)
		case errors.Is(err, errNoMemory):
			return c.opts.Memory.refusal(l.op)
		}
		return err
	})
	return p, err
}

// readPage decodes the rows as they stream in, so that only the wanted part of each row is held in memory, and no more of them
// than are kept.
func readPage[W sized](body io.Reader, items string, id func(W) string, keep func(W) (W, error)) (page[W], error) {
	p, within := page[W]{total: -1}, &bounded{from: body, most: maxAnswer}
	dec := json.NewDecoder(within)
	if err := expect(dec, json.Delim('{')); err != nil {
		return p, err
	}
	found := false
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return p, err
		}
		switch name {
		case items:
			found = true
			p.rows, err = readRows(dec, within, id, keep)
		case "totalCount":
			err = dec.Decode(&p.total)
		default:
			err = dec.Decode(&json.RawMessage{})
		}
		if err != nil {
			return p, err
		}
		within.decoded(dec.InputOffset())
	}
	if err := expect(dec, json.Delim('}')); err != nil {
		return p, err
	}
	if !found || p.total < 0 {
		return p, fmt.Errorf("a page without %s or totalCount", items)
	}
	return p, atEnd(dec)
}

func readRows[W sized](dec *json.Decoder, within *bounded, id func(W) string, keep func(W) (W, error)) ([]W, error) {
	if err := expect(dec, json.Delim('[')); err != nil {
		return nil, err
	}
	var rows []W
	for dec.More() {
		var row W
		if err := dec.Decode(&row); err != nil {
			return nil, err
		}
		if id(row) == "" {
			return nil, errNoID
		}
		if len(rows) == pageSize {
			return nil, fmt.Errorf("more than the %d rows that were asked for", pageSize)
		}
		row, err := keep(row)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
		within.decoded(dec.InputOffset())
	}
	return rows, expect(dec, json.Delim(']'))
}

func expect(dec *json.Decoder, want json.Delim) error {
	got, err := dec.Token()
	if err == nil && got != want {
		err = fmt.Errorf("%v where %v should be", got, want)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// atEnd reads to the end of the body, else an answer that was cut off might be taken for a whole one.
func atEnd(dec *json.Decoder) error {
	switch _, err := dec.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return errors.New("more follows the page")
}
