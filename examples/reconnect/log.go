package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/seed24abed78/rfc6455/conn"
	"github.com/seed24abed78/rfc6455/conn/hub"
)

// fileLog is a hub.Log that survives the process: a Ring, and a file with a
// line for each message, "N text", as hub.Numbered writes it. The file is never
// trimmed, and not synced: it survives kill -9, and not a power cut.
type fileLog struct {
	*hub.Ring
	file *os.File
}

// openLog reads the file back, if there is one.
func openLog(name string) (*fileLog, error) {
	data, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	whole := bytes.LastIndexByte(data, '\n') + 1 // a line that a kill cut is not there
	l := &fileLog{}
	for line := range bytes.Lines(data[:whole]) {
		if err := l.restore(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return nil, err
		}
	}
	if l.Ring == nil {
		// A new log begins with a number that no log before it can have
		// given, so that a client of an older one is told of its loss.
		l.Ring = hub.NewRing(0)
	}
	if l.file, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	if err := l.file.Truncate(int64(whole)); err != nil {
		return nil, err
	}
	_, err = l.file.Seek(int64(whole), 0)
	return l, err
}

func (l *fileLog) restore(line []byte) error {
	seq, _, err := hub.ParseSequence(conn.Text, line)
	if err != nil {
		return err
	}
	m, err := conn.Prepare(conn.Text, line)
	if err != nil {
		return err
	}
	if l.Ring == nil {
		l.Ring = hub.NewRing(seq)
	}
	return l.Ring.Append(hub.Entry{Seq: seq, Time: time.Now(), Message: m})
}

// Append implements hub.Log: in the file first, because subscribers see what
// was appended.
func (l *fileLog) Append(e hub.Entry) error {
	if _, err := fmt.Fprintf(l.file, "%s\n", e.Message.Payload()); err != nil {
		return err
	}
	return l.Ring.Append(e)
}

func (l *fileLog) Close() error { return l.file.Close() }

func (l *fileLog) size() uint64 {
	first, last, _ := l.Bounds()
	return last + 1 - first
}
