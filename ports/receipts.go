package ports

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/receipt"
)

// ReceiptStore keeps what was answered to requests that may be sent again. DocumentWriter and CollectionWriter write receipts with what they do.
//
// Only the owner of a claim writes to its receipt, and only until there is an answer: every other writer fails with receipt.ErrLost.
type ReceiptStore interface {
	// ClaimReceipt makes the claim where there is no receipt or where it yields (receipt.Stored.Yields), and says whether it did. It returns the receipt as it is then.
	// Of several claims of one receipt at once, one is made. A claim need not outlive the database's end: its owner finds it lost then.
	ClaimReceipt(ctx context.Context, c receipt.Claim) (stored receipt.Stored, claimed bool, err error)

	// RenewReceipt moves the end of the lease, and the end of the receipt, to what the claim says.
	// It fails with receipt.ErrLost.
	RenewReceipt(ctx context.Context, c receipt.Claim) error

	// SettleReceipt leaves an outcome in the receipt. When it returns nil that is durable.
	// It fails with receipt.ErrLost, and with fault.Unavailable, code "write.unknown", when it may or may not have happened.
	SettleReceipt(ctx context.Context, c receipt.Claim, o receipt.Outcome) error

	// ReleaseReceipt ends the lease: the next claim need not wait for it. It does nothing where the claim is lost.
	ReleaseReceipt(ctx context.Context, c receipt.Claim) error

	// PurgeReceipts removes at most limit receipts that end at the instant or before, and returns how many that were. It may be called by several processes at once.
	PurgeReceipts(ctx context.Context, at time.Time, limit int) (int, error)
}
