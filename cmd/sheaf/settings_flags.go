package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// addFlags gives cmd one flag for every setting, in the order of the table, and
// --config; own are the defaults of the command where they differ from the table's.
func addFlags(cmd *cobra.Command, own map[string]string) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.String("config", "", "file with settings (default sheaf.yaml, if it is there)")
	for _, row := range table {
		flag := flags.VarPF(&flagText{setting: row}, row.flag, "", row.help)
		flag.DefValue = cmp.Or(own[row.name], row.fallback)
		if row.typeName() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

// flagText keeps what was typed: load parses it together with every other source and reports all mistakes at once.
type flagText struct {
	setting known
	text    string
	set     bool
}

func (f *flagText) String() string { return f.text }
func (f *flagText) Type() string   { return f.setting.typeName() }

// Set takes the last value, and gathers those of a list: --roles store --roles process.
func (f *flagText) Set(text string) error {
	if f.set && f.setting.typeName() == "list" {
		text = f.text + "," + text
	}
	f.text, f.set = text, true
	return nil
}

// flagMistake turns cobra's complaint into one that names the nearest flag.
func flagMistake(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		name := "--" + unknown.GetSpecifiedName()
		return mistakes{fmt.Sprintf("flags: %s is not a flag of %s%s", name, cmd.CommandPath(), didYouMean(name, names))}
	}
	return mistakes{"flags: " + err.Error()}
}
