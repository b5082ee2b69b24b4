package main

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) configCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print every setting with where its value comes from, secrets hidden",
		Long: `Print every setting with where its value comes from, secrets hidden.

Settings come, later ones first, from flags, SHEAF_* variables, a .env file, and
sheaf.yaml (or the file that --config or SHEAF_CONFIG names), else from defaults.
All mistakes are reported at once, with exit code 2.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, ok := map[string]func(io.Writer, loaded) error{"table": writeTable, "json": writeJSON}[format]
			if !ok {
				return mistakes{"flags: --format " + quoteShort(format) + " is not one of table, json"}
			}
			settings, err := p.load(cmd, nil)
			if err != nil {
				return err
			}
			return write(p.stdout, settings)
		},
	}
	addFlags(cmd, nil)
	cmd.Flags().StringVar(&format, "format", "table", "how to print: table or json")
	return cmd
}

// value returns a setting's value by reflection.
func (l loaded) value(row known) any {
	return reflect.ValueOf(l.Settings).FieldByIndex(row.index).Interface()
}

// from names the source of a value, and its spelling there where that differs.
func (l loaded) from(row known) string {
	o := l.origins[row.name]
	if o.spelled == row.name {
		return o.source
	}
	return o.source + " " + o.spelled
}

func writeTable(w io.Writer, l loaded) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(columns, "SETTING\tVALUE\tFROM") // a failure is kept for Flush
	for _, row := range table {
		text := formatValue(l.value(row))
		if text == "" {
			text = "-"
		}
		_, _ = fmt.Fprintf(columns, "%s\t%s\t%s\n", row.name, text, l.from(row))
	}
	return columns.Flush()
}

func writeJSON(w io.Writer, l loaded) error {
	type line struct {
		Name  string `json:"name"`
		Value any    `json:"value"`
		From  string `json:"from"`
	}
	lines := make([]line, len(table))
	for i, row := range table {
		value := l.value(row)
		if d, ok := value.(time.Duration); ok {
			value = formatDuration(d) // as it is written in the file, not in nanoseconds
		}
		lines[i] = line{row.name, value, l.from(row)}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(lines)
}
