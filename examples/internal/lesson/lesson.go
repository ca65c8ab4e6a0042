// Package lesson prints what the lessons tell: text in lines that fit a
// terminal of 80 columns, and bytes with their meaning beside them. There is
// colour where the output is a terminal and NO_COLOR is not set.
package lesson

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const columns = 80

// Narrator tells one lesson.
type Narrator struct {
	w      io.Writer
	colour bool
	steps  int
}

// New returns a Narrator that writes to w.
func New(w io.Writer) *Narrator {
	return &Narrator{w: w, colour: os.Getenv("NO_COLOR") == "" && terminal(w)}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// The colours, as terminals number them.
const (
	bold  = "1"
	dim   = "2"
	cyan  = "36"
	green = "32"
)

func (n *Narrator) paint(colour, s string) string {
	if !n.colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// Title begins the lesson.
func (n *Narrator) Title(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(n.w, "%s\n%s\n", n.paint(bold, text), strings.Repeat("=", utf8.RuneCountInString(text)))
}

// Step begins a part of the lesson.
func (n *Narrator) Step(format string, args ...any) {
	n.steps++
	fmt.Fprintf(n.w, "\n%s\n", n.paint(cyan, fmt.Sprintf("%d. ", n.steps)+fmt.Sprintf(format, args...)))
}

// Say prints a paragraph, broken at spaces.
func (n *Narrator) Say(format string, args ...any) {
	line := ""
	for _, word := range strings.Fields(fmt.Sprintf(format, args...)) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns {
			fmt.Fprintln(n.w, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(n.w, line)
}

// Show prints lines as they are, such as bytes with their meaning.
func (n *Narrator) Show(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintln(n.w, n.paint(green, strings.TrimRight(line, "\r\n")))
	}
}

// Meaning is what one line of an HTTP head says, and the section that defines
// it. Line is its first word.
type Meaning struct{ Line, Says, Section string }

// Head prints a request or a response line by line, each with its meaning
// beside it if it is among those.
func (n *Narrator) Head(text string, meanings ...Meaning) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		first, _, _ := strings.Cut(line, " ")
		for _, m := range meanings {
			if m.Line == first {
				line = fmt.Sprintf("%-50s  %-20s  %s", line, m.Says, m.Section)
			}
		}
		fmt.Fprintln(n.w, n.paint(green, strings.TrimRight(line, " ")))
	}
}

// Space prints an empty line.
func (n *Narrator) Space() { fmt.Fprintln(n.w) }

// Note prints an aside.
func (n *Narrator) Note(format string, args ...any) {
	fmt.Fprintln(n.w, n.paint(dim, fmt.Sprintf(format, args...)))
}
