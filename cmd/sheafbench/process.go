package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTicks is the unit of the times in /proc/PID/stat, per second; Linux has had 100 on every platform for user space (proc(5)).
const clockTicks = 100

// cpu returns the processor time that the server has used, in this process and in those before it.
func (t *target) cpu() time.Duration { return t.spent + processTime(t.cmd.Process.Pid, false) }

// databaseCPU returns the processor time that the database has used, all its processes together.
func (s *stage) databaseCPU() time.Duration {
	root := s.database.PID()
	all := processTime(root, true)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", root, root))
	if err != nil {
		return 0
	}
	for word := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(word); err == nil {
			all += processTime(pid, false)
		}
	}
	return all
}

// processTime returns the processor time of a process, and if so wanted of its children that have ended (proc(5), fields 14 to 17 of stat).
func processTime(pid int, ended bool) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return 0
	}
	counted := fields[11:13]
	if ended {
		counted = fields[11:15]
	}
	var ticks int64
	for _, field := range counted {
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks
}

// residentMiB returns the memory that the server's process holds.
func (t *target) residentMiB() float64 { return t.status("VmRSS") }

// programMiB returns how much of that is pages of the program's file.
func (t *target) programMiB() float64 { return t.status("RssFile") }

// peakMiB returns the most memory that the server's process has held.
func (t *target) peakMiB() float64 { return t.status("VmHWM") }

// status returns a size that the system keeps of the process, in MiB (proc(5), /proc/PID/status, in units of 1,024 bytes).
func (t *target) status(name string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "\n"+name+":")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseFloat(fields[0], 64)
	return kib / 1024
}
