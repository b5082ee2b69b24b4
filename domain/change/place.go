package change

import "errors"

// Place is how far somebody has come who follows what is committed: the configurations, and the documents of every bucket.
type Place struct {
	// History is that of News; a place in another one means nothing.
	History        string
	Configurations Position
	Documents      Positions
}

// ErrTurnTaken says that somebody else follows under that name at present.
var ErrTurnTaken = errors.New("somebody else has the turn")
