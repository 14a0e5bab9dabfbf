package connection

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

func TestJudgeHost(t *testing.T) {
	allowed := []string{"api.astronomer.io", "127.0.0.1:8080", "localhost:8080", "proxy.example:8080", "[::1]:8080"}
	cases := map[string]struct {
		reason, url, host string
		refused           bool
	}{
		"Astro":         {reason: "An allowed host is reached by https.", url: "https://api.astronomer.io", host: "api.astronomer.io"},
		"OtherHost":     {reason: "A host that was not named gets no credential.", url: "https://api.astronomer.example", host: "api.astronomer.example", refused: true},
		"OtherPort":     {reason: "The port is part of the host.", url: "https://api.astronomer.io:444", host: "api.astronomer.io:444", refused: true},
		"Suffix":        {reason: "Hosts are compared whole.", url: "https://api.astronomer.io.example", host: "api.astronomer.io.example", refused: true},
		"Plain":         {reason: "Nobody but this machine is sent a credential in the clear.", url: "http://proxy.example:8080", host: "proxy.example:8080", refused: true},
		"PlainLoopback": {reason: "A simulator on this machine may be plain.", url: "http://127.0.0.1:8080", host: "127.0.0.1:8080"},
		"PlainName":     {reason: "localhost is this machine.", url: "http://localhost:8080", host: "localhost:8080"},
		"PlainIPv6":     {reason: "So is ::1.", url: "http://[::1]:8080", host: "[::1]:8080"},
		"NoURL":         {reason: "What is no URL has no host.", url: "://", refused: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			host, wrong := judgeHost(tc.url, allowed)
			if host != tc.host || (wrong != nil) != tc.refused {
				t.Errorf("%s\njudgeHost(%s) = %q, %+v", tc.reason, tc.url, host, wrong)
			}
		})
	}
}

func TestRequeueFoldsWhatWaits(t *testing.T) {
	a, b := Key{Name: "a"}, Key{Name: "b"}
	box := newRequeue(Notice.connection, Notice.with)
	box.put(Notice{Connection: Key{Name: "first"}, All: true}) // on its way to the reader, who has not come yet
	waitFor(t, func() bool { return len(box.snapshot()) == 0 })
	box.put(Notice{Connection: a, Tokens: []string{"2", "1"}})
	box.put(Notice{Connection: b, Tokens: []string{"3"}})
	box.put(Notice{Connection: a, Tokens: []string{"1", "4"}})
	box.put(Notice{Connection: b, All: true})
	var got []Notice
	for range 3 {
		got = append(got, (<-box.out).Object)
	}
	want := []Notice{
		{Connection: Key{Name: "first"}, All: true},
		{Connection: a, Tokens: []string{"1", "2", "4"}},
		{Connection: b, All: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func (m *requeue[T]) snapshot() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]T(nil), m.waiting...)
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it did not come about")
}

// Of a call in which other users may have written something, nothing of the answer is told.
func TestAConnectionTellsAnswersToPlainCalls(t *testing.T) {
	for plain, want := range map[bool]string{
		true: "list: list tokens: you may not (request r)", false: "list: list tokens: HTTP 400 Bad Request (request r)",
	} {
		err := &astro.Error{Op: "list tokens", Message: "HTTP 400 Bad Request", Answer: "you may not", RequestID: "r", Plain: plain}
		if f := fromAstroError("list", err); !strings.HasPrefix(f.Message, want) {
			t.Errorf("plain %t: want %q, got %q", plain, want, f.Message)
		}
	}
}

func TestFaultOutlivesItsRequestID(t *testing.T) {
	first := fromAstroError("list", &astro.Error{Op: "list tokens", Message: "down", RequestID: "req-1"})
	again := fromAstroError("list", &astro.Error{Op: "list tokens", Message: "down", RequestID: "req-2"})
	other := fromAstroError("list", &astro.Error{Op: "list tokens", Message: "up in flames", RequestID: "req-3"})
	c := &v1alpha1.AstroConnection{}
	said := func(f *fault.Fault) string {
		findings{fault: f}.fill(c, metav1.Now())
		return meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady).Message
	}
	if said(first) != first.Message || said(again) != first.Message {
		t.Errorf("a fault that differs by its request id only is said as before; got %q after %q", said(again), first.Message)
	}
	if said(other) != other.Message {
		t.Errorf("another fault is said anew; got %q", said(other))
	}
}

func TestUpdateReady(t *testing.T) {
	transient, lasting := &fault.Fault{Reason: v1alpha1.ReasonUnreachable, Transient: true}, &fault.Fault{Reason: v1alpha1.ReasonPermissionDenied}
	cases := map[string]struct {
		reason string
		memory memory
		want   bool
	}{
		"Proven":             {reason: "A proven credential is ready.", memory: memory{proof: proof{access: &access{}}}, want: true},
		"NeverProven":        {reason: "An outage at the start leaves a connection as it begins: not ready.", memory: memory{proof: proof{refusal: transient}}},
		"OutageAfterwards":   {reason: "An outage later takes nothing away.", memory: memory{proof: proof{access: &access{}}, listing: listing{fault: transient}, ready: true}, want: true},
		"RotatedInAnOutage":  {reason: "The old credential counts until Astro refuses the new one.", memory: memory{proof: proof{access: &access{}, refusal: transient}, ready: true}, want: true},
		"Refused":            {reason: "What Astro refuses does not count.", memory: memory{proof: proof{access: &access{}, refusal: lasting}, ready: true}},
		"SecretGone":         {reason: "Without the Secret nobody says that the credential is still meant.", memory: memory{proof: proof{access: &access{}, unusable: lasting}, ready: true}},
		"MayNotList":         {reason: "A credential that may not list is of no use.", memory: memory{proof: proof{access: &access{}}, listing: listing{fault: lasting}, ready: true}},
		"OutageAfterRefusal": {reason: "An outage does not make a refused credential good.", memory: memory{proof: proof{access: &access{}, refusal: transient}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.memory.updateReady(); got != tc.want {
				t.Errorf("%s\nready = %t", tc.reason, got)
			}
		})
	}
}

func TestAssume(t *testing.T) {
	r := NewRegistry()
	c := &v1alpha1.AstroConnection{Spec: v1alpha1.ConnectionSpec{APIURL: "https://api.astronomer.io"}}
	c.Status.CredentialTokenID = "clt1"
	r.credentials.assume(KeyOf(c), c)
	if len(r.CredentialOf("api.astronomer.io", "clt1")) == 0 {
		t.Error("after a restart the credential in the status is one before it is proven anew")
	}
	r.publish(Handle{Key: KeyOf(c), Object: c, Host: "api.astronomer.io", SelfID: "clt2"})
	r.credentials.assume(KeyOf(c), c)
	if len(r.CredentialOf("api.astronomer.io", "clt1")) > 0 || len(r.CredentialOf("api.astronomer.io", "clt2")) == 0 {
		t.Error("what was proven counts more than what the status says")
	}
}

func TestAnotherObjectOfTheSameNameIsNotTrusted(t *testing.T) {
	r := &reconciler{dependencies: dependencies{Options: Options{
		Registry: NewRegistry(), Budgets: astro.NewBudgets(astro.BudgetOptions{}), Clock: time.Now,
	}}}
	was := &v1alpha1.AstroConnection{ObjectMeta: metav1.ObjectMeta{Namespace: "data", Name: "acme", UID: "1"}}
	key := KeyOf(was)
	m := r.recall(key, was)
	m.proof.access, m.proof.judged = &access{}, fingerprint{1}
	r.Registry.publish(Handle{Key: key, Object: was, Host: "api.astronomer.io", SelfID: "clt1", Ready: true})
	if again := r.recall(key, was); again != m {
		t.Error("the same object is remembered")
	}
	is := was.DeepCopy()
	is.UID = "2"
	if m := r.recall(key, is); m.proof.access != nil || m.proof.judged != (fingerprint{}) {
		t.Errorf("a connection that was made anew has to be proven anew, whatever its predecessor was: %+v", m)
	}
	if h, known := r.Registry.Get(key); known {
		t.Errorf("nobody may work with its predecessor's handle: %+v", h)
	}
}

func TestGraceOfADeletion(t *testing.T) {
	held, unfinished, both := usage{holders: []string{"data/a"}}, usage{unfinished: 1}, usage{holders: []string{"data/a"}, unfinished: 1}
	type look struct {
		usage usage
		after time.Duration // the deletion
	}
	cases := map[string]struct {
		reason string
		looks  []look
		want   time.Duration
	}{
		"AtOnce":        {"Claims may be being taken.", []look{{usage{}, time.Second}}, grace - time.Second},
		"Unfinished":    {"Work that was there has a minute.", []look{{unfinished, 0}, {unfinished, time.Second}}, unfinishedGrace - time.Second},
		"StrippedLate":  {"So has work that comes long after.", []look{{held, time.Hour}, {unfinished, 2 * time.Hour}}, unfinishedGrace},
		"StrippedApart": {"What another binding held it for meanwhile does not count.", []look{{both, 0}, {both, time.Hour}, {unfinished, 2 * time.Hour}}, unfinishedGrace},
		"Late":          {"It is over some time.", []look{{held, 0}, {unfinished, time.Hour}, {unfinished, 2 * time.Hour}}, unfinishedGrace - time.Hour},
		"Finished":      {"What is done is not waited for.", []look{{unfinished, time.Hour}, {usage{}, time.Hour}}, grace - time.Hour},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			began := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
			d, now := deletion{since: began}, began
			for _, l := range tc.looks {
				now = began.Add(l.after)
				d = d.after(l.usage, now)
			}
			if got := d.graceLeft(now); got != tc.want {
				t.Errorf("%s\n%s are left, want %s", tc.reason, got, tc.want)
			}
		})
	}
	if d := (deletion{}).after(unfinished, time.Now()); d != (deletion{}) || d.graceLeft(time.Now()) != 0 {
		t.Error("a connection that is not deleted has no grace")
	}
}

func TestNeeded(t *testing.T) {
	cases := map[string]struct {
		reason string
		usage  usage
		grace  time.Duration
		want   bool
	}{
		"Held":        {reason: "Who has to revoke needs the connection however long that takes.", usage: usage{bindings: 1, holders: []string{"data/a"}}, want: true},
		"BeingTaken":  {reason: "Who refers to it may be about to hold a claim.", usage: usage{bindings: 1}, grace: time.Second, want: true},
		"NeverHeld":   {reason: "Who has not taken one in time holds nothing up.", usage: usage{bindings: 1}},
		"Unreferred":  {reason: "Where nothing refers to it nothing is waited for.", grace: time.Second},
		"AllFinished": {reason: "Nobody needs it."},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.usage.needed(tc.grace); got != tc.want {
				t.Errorf("%s\nneeded = %t", tc.reason, got)
			}
		})
	}
}
