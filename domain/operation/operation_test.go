package operation_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func queued() operation.Operation {
	return operation.New(ident.Operation{}, operation.Update, collection.Stored{}, []byte(`{}`), change.Origin{Actor: "ann"}, noon)
}

func TestOperation_Claims(t *testing.T) {
	t.Parallel()
	o := queued()
	if !o.Claimable(noon) || o.State != operation.Queued {
		t.Errorf("%+v", o)
	}
	o = o.Claimed(operation.Claim{Holder: "h", At: noon, Until: noon.Add(time.Second)})
	if o.State != operation.Running || !o.StartedAt.Equal(noon) || o.Claims != 1 || o.Claimable(noon.Add(999*time.Millisecond)) || !o.Claimable(noon.Add(time.Second)) {
		t.Errorf("%+v", o)
	}
	o = o.Claimed(operation.Claim{Holder: "i", At: noon.Add(time.Second), Until: noon.Add(2 * time.Second)})
	if !o.StartedAt.Equal(noon) || o.Claims != 2 {
		t.Errorf("%+v", o)
	}
	next := o.Next(noon.Add(3 * time.Second))
	if next.Claims != 0 || next.Steps != 1 || next.Claimable(noon.Add(2*time.Second)) {
		t.Errorf("%+v", next)
	}
	for name, s := range map[string]operation.Step{"another holder": {Holder: "h", Next: next}, "two steps": {Holder: "i", Next: next.Next(noon)}, "no step": {Holder: "i", Next: o}} {
		if err := s.Allowed(o); !errors.Is(err, operation.ErrLost) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (operation.Step{Holder: "i", Next: next}).Allowed(o); err != nil {
		t.Error(err)
	}
}

func TestOperation_Ends(t *testing.T) {
	t.Parallel()
	o := queued().Claimed(operation.Claim{Holder: "h", At: noon, Until: noon.Add(time.Second)})
	ends := []operation.Operation{o.Succeed(noon), o.Fail(operation.FaultOf(fault.New(fault.Conflict, "x.y", "z")), noon)}
	for _, end := range ends {
		if !end.State.Ended() || end.Claimable(noon.Add(time.Hour)) || end.Holder != "" {
			t.Errorf("%+v", end)
		}
		if _, err := end.Cancelled(noon); fault.CodeOf(err) != "operation.ended" {
			t.Errorf("cancelled: %v", err)
		}
		if err := (operation.Step{Holder: "h", Next: end.Next(noon)}).Allowed(end); !errors.Is(err, operation.ErrLost) {
			t.Errorf("it goes on: %v", err)
		}
	}
	cancelled, err := o.Cancelled(noon)
	if err != nil || cancelled.State != operation.Cancelled {
		t.Errorf("%+v, %v", cancelled, err)
	}
	if again, err := cancelled.Cancelled(noon.Add(time.Hour)); err != nil || !again.EndedAt.Equal(noon) {
		t.Errorf("%+v, %v", again, err)
	}
	if f := operation.FaultOf(errors.New("password=secret")); f.Code != "internal" || f.Message == "password=secret" {
		t.Errorf("it tells %+v", f)
	}
}
