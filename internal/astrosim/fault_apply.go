package astrosim

import (
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// appliedFaults are the faults that hit one call.
type appliedFaults struct {
	instead *Fault // answered in place of the call
	cut     *Fault // no answer, or a part of one
	delay   time.Duration
	stale   *Fault
	shift   int
	hide    []*armedFault
	omit    []*Fault
}

// armFaults picks the faults of a call. Only one may take the answer's place or cut it; the others add up.
func (s *Sim) armFaults(c *call) appliedFaults {
	var a appliedFaults
	for _, f := range s.faults {
		if !f.matches(c) || f.answers() && (a.instead != nil || a.cut != nil) || !f.strikes() {
			continue
		}
		s.counts.Faults[f.Kind]++
		a.add(f)
	}
	return a
}

// answers says whether the fault decides what is answered.
func (f *Fault) answers() bool {
	switch f.Kind {
	case FaultSlow, FaultStale, FaultShift, FaultHide, FaultOmitRoles:
		return false
	}
	return true
}

func (a *appliedFaults) add(f *armedFault) {
	switch f.Kind {
	case FaultHang, FaultReset:
		a.instead, a.cut = &f.Fault, &f.Fault
	case FaultDrop, FaultTruncate:
		a.cut = &f.Fault
	case FaultSlow:
		a.delay += f.Delay
	case FaultStale:
		a.stale = &f.Fault
	case FaultShift:
		a.shift += orElse(f.Shift, 1)
	case FaultHide:
		a.hide = append(a.hide, f)
	case FaultOmitRoles:
		a.omit = append(a.omit, &f.Fault)
	default:
		a.instead = &f.Fault
	}
}

// faulty is the answer that a fault gives in place of the call.
func (s *Sim) faulty(c *call, f *Fault, header http.Header) (answer, http.Header) {
	switch f.Kind {
	case FaultThrottle:
		a, header := s.throttled(header)
		if f.RetryAfter != "" {
			header.Set("Retry-After", f.RetryAfter)
		}
		return a, header
	case FaultHTML:
		header.Set("Content-Type", "text/html")
		status := orElse(f.Status, http.StatusBadGateway)
		return answer{status, gatewayPage(status)}, header
	case FaultUnauthorized:
		return c.refused(refuse(http.StatusUnauthorized, "Unauthorized: the API token is invalid or was revoked")), header
	case FaultForbidden:
		return c.refused(forbidden()), header
	case FaultNotFound:
		return c.refused(notFound("entity", c.id)), header
	default:
		return c.refused(refuse(orElse(f.Status, http.StatusInternalServerError), "Internal server error")), header
	}
}

// cut ends the connection without a whole answer.
func (s *Sim) cut(w http.ResponseWriter, r *http.Request, f *Fault, a answer) {
	if f.Kind == FaultHang {
		s.hang(r, f.Delay)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // a recorder of a test, or HTTP/2
	}
	defer func() { _ = conn.Close() }()
	switch f.Kind {
	case FaultTruncate:
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			a.status, http.StatusText(a.status), len(a.body), a.body[:len(a.body)/2])
	case FaultReset, FaultDrop:
		// A client may silently repeat a request whose answer never began; it may not once a byte has arrived.
		_, _ = fmt.Fprint(conn, "HTTP/1.1 ")
		time.Sleep(time.Millisecond)
		if tcp, isTCP := conn.(*net.TCPConn); isTCP {
			_ = tcp.SetLinger(0)
		}
	}
}

func (s *Sim) hang(r *http.Request, limit time.Duration) {
	if limit <= 0 {
		limit = 24 * time.Hour
	}
	s.pause(r.Context(), limit)
}

// hides says whether the row of this id is left out. Which rows a share keeps depends on the id and the fault only,
// so that it is the same on every page.
func (f *armedFault) hides(id string) bool {
	if len(f.IDs) > 0 {
		return slices.Contains(f.IDs, id)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(strconv.FormatUint(f.seq, 36) + id))
	return float64(h.Sum64()%1000) >= f.Keep*1000
}

func (a *appliedFaults) omits(id string) bool {
	return slices.ContainsFunc(a.omit, func(f *Fault) bool { return len(f.IDs) == 0 || slices.Contains(f.IDs, id) })
}

func gatewayPage(status int) []byte {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return []byte("<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n</body>\r\n</html>\r\n")
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
