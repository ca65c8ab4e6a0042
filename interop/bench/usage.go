package main

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

// usage is what a process has used since it began.
type usage struct {
	CPU     time.Duration `json:"cpu"`     // user and system, all threads, when all of this was found out
	Asked   time.Duration `json:"asked"`   // the same before, because finding out costs some
	Mallocs uint64        `json:"mallocs"` // objects
	Alloc   uint64        `json:"alloc"`   // bytes
	Reads   int64         `json:"reads"`   // system calls read and readv
	Writes  int64         `json:"writes"`  // system calls write and writev
	RSS     int64         `json:"rss"`     // bytes resident, after a collection; 0 when not asked for
}

// sub returns what was used between before and u.
func (u usage) sub(before usage) usage {
	return usage{
		CPU:     u.Asked - before.CPU,
		Mallocs: u.Mallocs - before.Mallocs,
		Alloc:   u.Alloc - before.Alloc,
		Reads:   u.Reads - before.Reads,
		Writes:  u.Writes - before.Writes,
		RSS:     u.RSS - before.RSS,
	}
}

// cpuTime is the processor time of this process. Other processes on the core
// don't count, as they do on a clock, though they cost it its caches.
func cpuTime() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// used returns the usage of this process. With resident, memory that is garbage
// is given back to the system first.
func used(resident bool) usage {
	u := usage{Asked: cpuTime()}
	if resident {
		// Twice, because a pool keeps its items for one collection.
		runtime.GC()
		runtime.GC()
		debug.FreeOSMemory()
		u.RSS = procField("/proc/self/status", "VmRSS:") << 10
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.Mallocs, u.Alloc = m.Mallocs, m.TotalAlloc
	u.Reads = procField("/proc/self/io", "syscr:")
	u.Writes = procField("/proc/self/io", "syscw:")
	u.CPU = cpuTime()
	return u
}

// procField returns the number behind name in a file of /proc, or 0.
func procField(file, name string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(b, []byte(name))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return n
}
