package main

import (
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// reportOp is one write of a report.
type reportOp struct {
	statement decision.Statement
	release   bool // the finalizer is taken off; else the status is written
}

// reportOps are the writes of a report in their order: of each binding first the status, where it differs, then the
// finalizer.
func reportOps(r decision.Report) (all []reportOp) {
	for _, st := range r.Statements {
		if st.Write && statusCode(&st.Status) != statusCode(&st.Object.Status) {
			all = append(all, reportOp{statement: st})
		}
		if st.Release && !st.Orphan && finalized(st.Object) {
			all = append(all, reportOp{statement: st, release: true})
		}
	}
	return all
}

func statusCode(st *v1alpha1.ScopedTokenBindingStatus) string {
	c := code{}
	c.status(st)
	return string(c)
}

// report makes the next of the report's writes. Orphans need none: once their role is gone they are forgotten.
func (s *state) report(r run) error {
	if r.at == len(r.ops) {
		for _, st := range r.effect.(decision.Report).Statements {
			if st.Orphan && st.Release {
				s.proc.orphans = slices.DeleteFunc(slices.Clone(s.proc.orphans), func(o orphan) bool { return o.object.UID == st.UID })
				s.excuse(st.Object)
			}
		}
		s.after(r, decision.Reported{Errs: r.errs}, code(r.partial))
		return nil
	}
	op := r.ops[r.at]
	st := op.statement
	if op.release {
		s.excuse(st.Object)
	}
	name := slices.Index(names[:], st.Object.Name)
	live := s.server[name]
	came := "gone"
	switch {
	case r.errs[st.UID] != nil:
		came = "left"
	case live == nil || live.UID != st.UID:
		if !op.release {
			r.errs = maps.Clone(r.errs)
			set(&r.errs, st.UID, error(apierrors.NewNotFound(resource, st.Object.Name)))
		}
	case !s.mayPatch(&r, name, st):
		r.errs = maps.Clone(r.errs)
		set(&r.errs, st.UID, conflict(st.Object))
		came = "conflict"
	case op.release:
		s.proc.own[name] = nil
		deleting := live.DeletionTimestamp != nil
		o := s.edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
		if deleting {
			s.proc.markReleased(st.UID)
		} else {
			s.proc.own[name] = o
		}
		came = o.ResourceVersion
	default:
		if err := s.checkStatus(&r, live.ScopedTokenBinding, st); err != nil {
			return err
		}
		o := s.edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Status = *st.Status.DeepCopy() })
		s.proc.own[name] = o
		came = o.ResourceVersion
	}
	r.at++
	r.partial += string(st.UID) + came
	s.proc.run = &r
	return nil
}

// mayPatch reports whether a patch carries the object's present resourceVersion: that of the object as it was looked at,
// or that of the report's own write before.
func (s *state) mayPatch(r *run, name int, st decision.Statement) bool {
	now := s.server[name].ResourceVersion
	wrote := r.at > 0 && r.ops[r.at-1].statement.UID == st.UID && s.proc.own[name] != nil
	return now == st.Object.ResourceVersion || wrote && now == s.proc.own[name].ResourceVersion
}

// excuse remembers that a role may stay because its user says so.
func (s *state) excuse(b *v1alpha1.ScopedTokenBinding) {
	if mayStay(b) {
		s.excused[target(b)] = true
	}
}
