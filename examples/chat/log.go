package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
)

// history is a hub.Log in memory, and in a file if it has one. The file has one
// line for each message, the time and what subscribers get:
//
//	2026-01-02T15:04:05.123456Z 1767366245123456 {"id":"…","name":"Ada",…}
//
// A message is on the disk before anybody sees it, so that a page that sees its
// own knows that it will not be lost.
type history struct {
	*hub.Ring // what is kept

	mu     sync.Mutex
	file   *os.File // nil for memory alone
	size   int64    // of the whole lines in file, in bytes
	lines  int      // in file
	broken error    // why file can't be written any more
}

// keep bounds the history, and so the ids by which the room knows messages that
// come twice.
var keep = hub.Limits{Messages: 1000, Bytes: 4 << 20}

// spareLines is how many lines of the file may be forgotten ones, beside as
// many as are kept, until it is written anew.
const spareLines = 100

// maxLine bounds a line of the file in bytes: a message whose characters are
// all escaped.
const maxLine = 64 << 10

// openHistory reads the file of that name, and makes it if there is none. The
// name "" is for memory alone.
func openHistory(name string) (*history, error) {
	if name == "" {
		return &history{Ring: hub.NewRing(0)}, nil
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	h := &history{file: file}
	if err := h.load(); err != nil {
		file.Close()
		return nil, err
	}
	return h, nil
}

// String tells the user where the history is.
func (h *history) String() string {
	if h.file == nil {
		return "the history is in memory and ends with this process; -log FILE keeps it"
	}
	return fmt.Sprintf("the history is in %s, with %d messages", h.file.Name(), h.lines)
}

// load reads the lines. A last one without an end is that of a process that
// died while it wrote: nobody has seen the message, and it is cut off.
func (h *history) load() error {
	r := bufio.NewReaderSize(h.file, maxLine)
	for {
		line, err := r.ReadSlice('\n')
		if err == io.EOF {
			break
		}
		if err == nil {
			err = h.loadLine(line[:len(line)-1])
		}
		if err != nil {
			return fmt.Errorf("%s, line %d: %w; mend the file, or move it away", h.file.Name(), h.lines+1, err)
		}
		h.size += int64(len(line))
		h.lines++
	}
	if h.Ring == nil {
		h.Ring = hub.NewRing(0)
	}
	if err := h.file.Truncate(h.size); err != nil {
		return err
	}
	_, err := h.file.Seek(h.size, io.SeekStart)
	return err
}

func (h *history) loadLine(line []byte) error {
	stamp, payload, _ := bytes.Cut(line, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return err
	}
	seq, _, err := hub.ParseSequence(conn.Text, payload)
	if err != nil {
		return err
	}
	m, err := conn.Prepare(conn.Text, payload)
	if err != nil {
		return err
	}
	if h.Ring == nil {
		h.Ring = hub.NewRing(seq)
	}
	if err := h.Ring.Append(hub.Entry{Seq: seq, Time: at, Message: m}); err != nil {
		return err
	}
	return h.Ring.Trim(keep, at)
}

// appendLine appends the line of e.
func appendLine(dst []byte, e hub.Entry) []byte {
	dst = append(e.Time.UTC().AppendFormat(dst, time.RFC3339Nano), ' ')
	return append(append(dst, e.Message.Payload()...), '\n')
}

// Append implements hub.Log.
func (h *history) Append(e hub.Entry) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.file != nil {
		if err := h.write(e); err != nil {
			return err
		}
	}
	return h.Ring.Append(e)
}

var errLine = errors.New("chat: a message with a line break, or too long, can't be in the file")

// write adds a line to the file. When that fails, what was written of it is
// taken back, so that the next line doesn't follow half a one.
func (h *history) write(e hub.Entry) error {
	if h.broken != nil {
		return h.broken
	}
	line := appendLine(nil, e)
	if len(line) > maxLine || bytes.IndexByte(line, '\n') != len(line)-1 {
		return errLine
	}
	_, err := h.file.Write(line)
	if err == nil {
		err = h.file.Sync()
	}
	if err == nil {
		h.size += int64(len(line))
		h.lines++
		return nil
	}
	back := h.file.Truncate(h.size)
	if back == nil {
		_, back = h.file.Seek(h.size, io.SeekStart)
	}
	if back != nil {
		h.broken = fmt.Errorf("chat: the history can't be written any more: %w", errors.Join(err, back))
	}
	return err
}

// Trim implements hub.Log.
func (h *history) Trim(limits hub.Limits, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.Ring.Trim(limits, now); err != nil || h.file == nil {
		return err
	}
	first, last, err := h.Ring.Bounds()
	if err != nil || first > last { // the last line stays, because it has the number
		return err
	}
	kept := int(last + 1 - first)
	if h.lines < 2*kept+spareLines {
		return nil
	}
	return h.rewrite(kept)
}

// rewrite puts a file in the place of the old one that has only what is kept.
func (h *history) rewrite(kept int) error {
	first, _, err := h.Ring.Bounds()
	if err != nil {
		return err
	}
	entries, err := h.Ring.Since(nil, first-1, kept, keep.Bytes+maxLine)
	if err != nil {
		return err
	}
	var text []byte
	for _, e := range entries {
		text = appendLine(text, e)
	}
	name := h.file.Name()
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	// Windows renames no open file, and over none.
	err = errors.Join(err, file.Close())
	if err == nil {
		err = h.replace(file.Name(), name)
	}
	if err != nil {
		os.Remove(file.Name())
		return err
	}
	h.size, h.lines = int64(len(text)), len(entries)
	return nil
}

// replace renames the file from to to, and goes on writing there.
func (h *history) replace(from, to string) error {
	h.file.Close()
	renamed := os.Rename(from, to)
	file, err := os.OpenFile(to, os.O_RDWR, 0)
	if err == nil {
		_, err = file.Seek(0, io.SeekEnd)
	}
	if err != nil {
		h.broken = fmt.Errorf("chat: the history can't be written any more: %w", err)
		return errors.Join(renamed, err)
	}
	h.file = file
	return renamed
}

// Close closes the file.
func (h *history) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.file == nil {
		return nil
	}
	return h.file.Close()
}
