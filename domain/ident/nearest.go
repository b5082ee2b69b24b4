package ident

import "slices"

// Nearest returns the name among known that a reader most likely meant by s: the one with the fewest edits, if they are no more than a third of its length.
// It returns "" when none is near. Of equally near ones it returns the first by its letters.
func Nearest(s string, known []string) string {
	if len(s) > 2*MaxCollectionName {
		return ""
	}
	best, fewest := "", len(s)/3+2
	sorted := slices.Sorted(slices.Values(known))
	for _, name := range sorted {
		if d := edits(s, name); d < fewest && d <= (max(len(name), len(s))+2)/3 {
			best, fewest = name, d
		}
	}
	return best
}

// edits is the Levenshtein distance of a and b over bytes, upper and lower case being equal.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if lower(a[i-1]) == lower(b[j-1]) {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
