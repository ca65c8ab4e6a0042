package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// A child is a process of this program in another part: a server, the load
// generator, or the rows in memory. It is told what to do, and answers, in lines
// of JSON, one answer for each command. The answers come over a pipe of their
// own, because libraries log to standard output.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader

	pipe *os.File // under out
}

// answersTo is the file descriptor of a child's end of the pipe.
const answersTo = 3

// command is what a child is told. Each Do uses the fields that it needs.
type command struct {
	Do string `json:"do"`

	// measure, profile
	Row   string `json:"row,omitempty"`
	Idiom string `json:"idiom,omitempty"`
	Ms    int    `json:"ms,omitempty"`

	// open, churn
	Addr     string `json:"addr,omitempty"`
	Protocol string `json:"protocol,omitempty"` // ws, deflate, deflate-takeover, raw, get, or one of fanouts
	Conns    int    `json:"conns,omitempty"`
	Size     int    `json:"size,omitempty"`
	Pipeline int    `json:"pipeline,omitempty"`

	// await, usage
	Count    int  `json:"count,omitempty"`
	Resident bool `json:"resident,omitempty"`
}

// answer is what a child says.
type answer struct {
	Err     string `json:"err,omitempty"`
	NoMeans bool   `json:"no_means,omitempty"`
	Addr    string `json:"addr,omitempty"`
	Ops     int64  `json:"ops,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"` // that the load has received
	Usage   usage  `json:"usage"`
}

// start runs this program as part, on the processor core if that can be done.
func start(core int, part string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	argv := append([]string{self, "-part", part}, args...)
	if pin, err := exec.LookPath("taskset"); err == nil && core >= 0 {
		argv = append([]string{pin, "-c", strconv.Itoa(core)}, argv...)
	}
	c := &child{cmd: exec.Command(argv[0], argv[1:]...)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	c.out, c.pipe = bufio.NewReader(out), out
	c.cmd.ExtraFiles = []*os.File{theirs}
	if err := c.cmd.Start(); err != nil {
		out.Close()
		return nil, fmt.Errorf("start %s: %w", strings.Join(argv, " "), err)
	}
	return c, nil
}

// tell gives a command and waits for the answer.
func (c *child) tell(cmd command) (answer, error) {
	var a answer
	if err := json.NewEncoder(c.in).Encode(cmd); err != nil {
		return a, fmt.Errorf("%s: the child has ended: %w", cmd.Do, err)
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("%s: the child has ended: %w", cmd.Do, err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, err
	}
	switch {
	case a.NoMeans:
		return a, errNoMeans
	case a.Err != "":
		return a, fmt.Errorf("%s %s %s: %s", cmd.Do, cmd.Row, cmd.Idiom, a.Err)
	}
	return a, nil
}

// stop ends the child and waits for it.
func (c *child) stop() {
	c.in.Close() // serveCommands returns
	c.cmd.Wait()
	c.pipe.Close()
}

// serveCommands is the child's side: it does each command, and returns when the
// parent has ended or wants no more.
func serveCommands(do func(command) (answer, error)) {
	in := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.NewFile(answersTo, "answers"))
	var prof profiler
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var cmd command
		var a answer
		err = json.Unmarshal(line, &cmd)
		switch {
		case err != nil:
		case cmd.Do == "profile" && cmd.Row != "":
			err = prof.begin(cmd.Row)
		case cmd.Do == "profile":
			err = prof.end()
		default:
			a, err = do(cmd)
		}
		if err != nil {
			a.Err = err.Error()
			a.NoMeans = errors.Is(err, errNoMeans)
		}
		if out.Encode(a) != nil {
			return
		}
	}
}

// cores are those for servers and for the load; the same when there is one.
func cores() (server, load int) { return 0, runtime.NumCPU() - 1 }
