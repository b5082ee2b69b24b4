package pglocal

import (
	"bufio"
	"os"
	"runtime"
	"strings"
)

// installCommands are the commands that install a PostgreSQL server, by the system's id or kin in os-release(5).
var installCommands = map[string]string{
	"debian":   "apt-get install -y postgresql",
	"ubuntu":   "apt-get install -y postgresql",
	"fedora":   "dnf install -y postgresql-server",
	"rhel":     "dnf install -y postgresql-server",
	"amzn":     "dnf install -y postgresql17-server",
	"alpine":   "apk add postgresql",
	"arch":     "pacman -S --noconfirm postgresql",
	"suse":     "zypper install -y postgresql-server",
	"opensuse": "zypper install -y postgresql-server",
}

// installCommand is the one command that installs PostgreSQL on this machine.
func installCommand() string {
	if runtime.GOOS == "darwin" {
		return "brew install postgresql@17"
	}
	release, _ := os.ReadFile("/etc/os-release") // a system without it gets the commonest command
	return installCommandFor(string(release), os.Geteuid() == 0)
}

func installCommandFor(release string, root bool) string {
	command := installCommands["debian"]
	if found := commandOf(release); found != "" {
		command = found
	}
	if !root {
		command = "sudo " + command
	}
	return command
}

// commandOf looks up the system's own id first and then those it says it is like.
func commandOf(release string) string {
	fields := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(release)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok {
			fields[name] = strings.Trim(value, `"'`)
		}
	}
	for _, id := range strings.Fields(fields["ID"] + " " + fields["ID_LIKE"]) {
		if command, ok := installCommands[id]; ok {
			return command
		}
	}
	return ""
}
