package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
)

// profiler takes the processor profile of a measurement, and the allocation
// profile of a process up to then.
type profiler struct{ cpu *os.File }

// begin writes to file from now on.
func (p *profiler) begin(file string) error {
	f, err := os.Create(file + ".cpu.pprof")
	if err != nil {
		return err
	}
	p.cpu = f
	return pprof.StartCPUProfile(f)
}

// end completes the files of begin.
func (p *profiler) end() error {
	pprof.StopCPUProfile()
	name := strings.TrimSuffix(p.cpu.Name(), ".cpu.pprof") + ".alloc.pprof"
	err := p.cpu.Close()
	f, createErr := os.Create(name)
	if createErr != nil {
		return errors.Join(err, createErr)
	}
	runtime.GC() // the profile is as of the last collection
	return errors.Join(err, pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

// profiled runs f, a measurement in the child c, under its profiler if profiles
// are asked for. Only the last round's stays.
func (b *bench) profiled(c *child, rowID string, i *idiom, f func() error) error {
	if b.profiles == "" || i.lib == limits && i != limitRaw {
		return f()
	}
	name := strings.NewReplacer("/", "_").Replace(rowID + "_" + i.String())
	if _, err := c.tell(command{Do: "profile", Row: filepath.Join(b.profiles, name)}); err != nil {
		return err
	}
	err := f()
	_, endErr := c.tell(command{Do: "profile"})
	return errors.Join(err, endErr)
}
