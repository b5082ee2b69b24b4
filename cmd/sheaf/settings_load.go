package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/dotenv"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

const (
	defaultConfigFile = "sheaf.yaml"
	dotenvFile        = ".env"
	configEnv         = envPrefix + "CONFIG" // names the file, as --config does
)

// otherNames are SHEAF_* variables that are not settings, with what reads them.
var otherNames = map[string]string{
	configEnv:      "the settings file",
	urlEnv:         "commands that talk to a server",
	keyEnv:         "commands that talk to a server",
	"SHEAF_SHARED": "tests: where the example data is",
}

// kubernetesName matches what Kubernetes puts into every pod beside a Service
// named sheaf or sheaf-…: SHEAF_SERVICE_HOST, SHEAF_STORE_PORT_8080_TCP_ADDR.
// SHEAF_PORT alone is told from a typing mistake by its value, tcp://….
var kubernetesName = regexp.MustCompile(`^SHEAF_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// sources are the places settings come from, least important first; each may be empty.
type sources struct {
	dir      string            // where sheaf.yaml and .env are looked for
	defaults map[string]string // by name: what the command sets otherwise than the table
	command  string            // whose defaults those are
	environ  []string          // NAME=value, as os.Environ has them
	config   string            // --config; "" is SHEAF_CONFIG, else sheaf.yaml if it is there
	flags    *pflag.FlagSet    // with the flags of addFlags; nil is none
}

// origin says where a value was found.
type origin struct {
	source  string // "default", "sheaf.yaml", ".env", "environment", "flags"
	spelled string // the setting's name as that source spells it
}

// loaded is Settings with where each value came from.
type loaded struct {
	Settings
	origins map[string]origin // by name, for every setting
}

// mistakes are all that is wrong with what somebody typed; they end the process with exit code 2.
type mistakes []string

// Error is one line, however many there are.
func (m mistakes) Error() string {
	if len(m) == 1 {
		return m[0]
	}
	return fmt.Sprintf("%d mistakes: %s", len(m), strings.Join(m, "; "))
}

// load reads, merges and checks the settings. It fails with mistakes that name
// every fault in every source, also in values that a later source replaces;
// extra adds what the command demands of the result.
func load(from sources, extra ...func(loaded) []string) (loaded, error) {
	l := loader{koanf: koanf.New("."), origins: map[string]origin{}}
	l.addDefaults(from)

	dotenvValues := l.readDotenv(filepath.Join(from.dir, dotenvFile))
	// The provider cannot fail: it reads the slice.
	environment, _ := env.Provider("", env.Opt{Prefix: envPrefix, EnvironFunc: func() []string { return from.environ }}).Read()

	path, given := cmp.Or(from.config, textOf(environment[configEnv]), textOf(dotenvValues[configEnv])), true
	if path == "" {
		path, given = defaultConfigFile, false
	}
	l.addFile(from.dir, path, given)
	l.addNames(dotenvFile, dotenvValues)
	l.addNames("environment", environment)
	if from.flags != nil {
		l.addFlags(from.flags)
	}
	return l.finish(extra)
}

type loader struct {
	koanf    *koanf.Koanf
	origins  map[string]origin
	mistakes mistakes
}

// entry is one value as a source has it.
type entry struct {
	setting known
	spelled string
	value   any
}

func (l *loader) complain(source, format string, args ...any) {
	l.mistakes = append(l.mistakes, source+": "+fmt.Sprintf(format, args...))
}

// add puts a source's values over what is there.
func (l *loader) add(source string, entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.spelled, b.spelled) })
	values := map[string]any{}
	for _, e := range entries {
		value, err := e.setting.read(e.value)
		if err == nil {
			err = e.setting.check(value)
		}
		if err != nil {
			l.complain(source, "%s%s %v", e.spelled, e.setting.show(e.value), err)
			continue
		}
		values[e.setting.name] = value
		l.origins[e.setting.name] = origin{source, e.spelled}
	}
	if err := l.koanf.Load(confmap.Provider(values, "."), nil); err != nil {
		l.complain(source, "%v", err)
	}
}

func (l *loader) addDefaults(from sources) {
	values := map[string]any{}
	for _, row := range table {
		values[row.name] = row.defaultValue()
		l.origins[row.name] = origin{"default", row.name}
	}
	if err := l.koanf.Load(confmap.Provider(values, "."), nil); err != nil {
		l.complain("default", "%v", err)
	}
	var own []entry
	for name, text := range from.defaults {
		row, _ := lookup(byName, name)
		own = append(own, entry{row, name, text})
	}
	l.add("default of "+from.command, own)
}

func (l *loader) addFile(dir, path string, given bool) {
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(dir, path)
	}
	read := koanf.New(".")
	err := read.Load(file.Provider(full), yaml.Parser())
	if errors.Is(err, fs.ErrNotExist) && !given {
		return
	}
	if err != nil {
		l.complain(path, "%s", readError(err))
		return
	}
	var entries []entry
	var wrong []string
	for name, value := range read.All() {
		row, found := lookup(byName, name)
		switch {
		case found && value == nil: // "url:" with nothing after it: not set
		case found:
			entries = append(entries, entry{row, name, value})
		case groups[name] && isEmptyGroup(value): // every line below it is commented out
		case groups[name]:
			wrong = append(wrong, name+" holds settings and has no value of its own")
		case within(name) != "":
			wrong = append(wrong, within(name)+" takes a value and holds no further settings")
		default:
			wrong = append(wrong, name+" is not a setting"+didYouMean(name, spellings(byName)))
		}
	}
	slices.Sort(wrong) // members of a map come in no order
	for _, text := range slices.Compact(wrong) {
		l.complain(path, "%s", text)
	}
	l.add(path, entries)
}

// within returns the setting that name would be a member of, "" for none.
func within(name string) string {
	for _, row := range table {
		if strings.HasPrefix(name, row.name+".") {
			return row.name
		}
	}
	return ""
}

func isEmptyGroup(value any) bool {
	group, isGroup := value.(map[string]any)
	return value == nil || isGroup && len(group) == 0
}

// readDotenv returns the variables of a .env file, none when there is no file.
func (l *loader) readDotenv(path string) map[string]any {
	text, err := file.Provider(path).ReadBytes()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		l.complain(dotenvFile, "%s", readError(err))
		return nil
	}
	values, err := dotenv.Parser().Unmarshal(text)
	if err != nil {
		// The parser's own error repeats the rest of the file, secrets and all.
		l.complain(dotenvFile, "is not a list of NAME=value lines")
	}
	return values
}

// addNames takes SHEAF_* variables. An empty one counts as not set: Compose and shells pass those along.
func (l *loader) addNames(source string, values map[string]any) {
	var entries []entry
	var unknown []string
	for name, value := range values {
		text := textOf(value)
		row, found := lookup(byEnv, name)
		switch {
		case found && text != "":
			entries = append(entries, entry{row, name, text})
		case found, !strings.HasPrefix(name, envPrefix), otherNames[name] != "", fromKubernetes(name, text):
		default:
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		l.complain(source, "%s is not a setting%s", name, didYouMean(name, spellings(byEnv)))
	}
	l.add(source, entries)
}

func fromKubernetes(name, value string) bool {
	return kubernetesName.MatchString(name) ||
		strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// addFlags takes the flags that were typed; the others do not override anything.
func (l *loader) addFlags(flags *pflag.FlagSet) {
	var entries []entry
	provider := posflag.ProviderWithFlag(flags, "", l.koanf, func(f *pflag.Flag) (string, any) {
		if row, found := lookup(byFlag, f.Name); found && f.Changed {
			entries = append(entries, entry{row, "--" + f.Name, f.Value.String()})
		}
		return "", nil // collected above: their text is parsed like that of every other source
	})
	_, _ = provider.Read() // it reads the set in memory
	l.add("flags", entries)
}

// finish decodes the merged values and checks what single values cannot say.
func (l *loader) finish(extra []func(loaded) []string) (loaded, error) {
	result := loaded{origins: l.origins}
	err := l.koanf.UnmarshalWithConf("", &result.Settings, koanf.UnmarshalConf{
		Tag: "setting",
		// Everything is parsed already; a difference between table and struct is a bug and must show.
		DecoderConfig: &mapstructure.DecoderConfig{ErrorUnused: true, ErrorUnset: true},
	})
	if err != nil {
		return loaded{}, fmt.Errorf("decode settings: %w", err)
	}
	for _, check := range append([]func(loaded) []string{checkTogether}, extra...) {
		l.mistakes = append(l.mistakes, check(result)...)
	}
	if len(l.mistakes) > 0 {
		return loaded{}, l.mistakes
	}
	return result, nil
}

// at names a setting as the source of its value spells it, for complaints about values that do not go together.
func (l loaded) at(name string) string {
	o := l.origins[name]
	return o.source + ": " + o.spelled
}

func textOf(value any) string {
	text, _ := value.(string)
	return text
}

// readError is err on one line, without the operation and path that the complaint already names.
func readError(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
