package main

import (
	"errors"
	"math"
)

// socketRow is work over loopback TCP: the processor time of the server, which
// has a process and a core of its own.
type socketRow struct {
	row
	kind     string // of server
	protocol string // of load
	conns    int
	size     int
	pipeline int
	fresh    bool // every measurement in a server process of its own
	measure  func(b *bench, r socketRow, server, load *child) (sample, error)
}

// socketRows are all of them, in the order of the table.
func (b *bench) socketRows() []socketRow {
	echo := func(id string, conns, pipeline, size int, goal, limit float64) socketRow {
		return socketRow{
			row:  row{ID: id, Unit: "message", Goal: goal, Limit: limitRaw, GoalLimit: limit},
			kind: "echo", protocol: "ws", conns: conns, size: size, pipeline: pipeline, measure: measureEcho,
		}
	}
	deflate := func(size int) socketRow {
		r := echo("echo/deflate/"+bytesName(size), 16, 1, size, 1, 0)
		r.kind, r.protocol, r.Limit = "deflate", "deflate", nil
		return r
	}
	// What a connection keeps that has compressed one message: without takeover
	// 4.5 KB above an idle one's goal.
	kept := func(kind string, size int, goal float64) socketRow {
		return socketRow{
			row:  row{ID: "idle/" + kind + "/" + bytesName(size), Unit: "connection", Bytes: true, GoalValue: goal},
			kind: kind, protocol: kind, conns: b.idle, size: size, fresh: true, measure: measureIdle,
		}
	}
	idle := func(id, kind string) socketRow {
		return socketRow{
			row:  row{ID: id, Unit: "connection", Bytes: true, GoalValue: 4200, Limit: limitRaw},
			kind: kind, protocol: "ws", conns: b.idle, size: 128, fresh: true, measure: measureIdle,
		}
	}
	rows := []socketRow{
		echo("echo/ping-pong/128", 64, 1, 128, 1.05, 1.1),
		echo("echo/pipelined/64x128", 8, 64, 128, 0.1, 0),
		echo("echo/64K", 8, 1, 64<<10, 1.05, 1.15),
		deflate(1 << 10), deflate(16 << 10),
		{
			row:  row{ID: "upgrade/net-http", Unit: "handshake", Goal: 1.05, Limit: limitGet, GoalLimit: 1.3},
			kind: "echo", protocol: "ws", conns: 8, measure: measureUpgrade,
		},
		idle("idle/handler", "echo"),
		idle("idle/bare", "idle-bare"),
		kept("deflate", 1<<10, 4200+4500), kept("deflate", 16<<10, 4200+4500),
		kept("deflate-takeover", 1<<10, 0), kept("deflate-takeover", 16<<10, 0),
	}
	return append(rows, b.fanoutRows()...)
}

// fits reports whether an idiom can have an entry in the row.
func (r socketRow) fits(i *idiom) bool {
	mode, publishes := fanouts[r.kind]
	switch {
	case i == limitRaw:
		return r.Limit == limitRaw
	case i == limitGet:
		return r.Limit == limitGet
	case i.lib == limits:
		return false
	case r.kind == "idle-bare":
		return i.listen != nil
	case publishes:
		return i.fanout != nil && (mode == plain || i.lib != "gobwas") // which leaves compression to its user
	}
	return i.echo != nil
}

// runSocketRow measures all idioms in turn, round after round.
func (b *bench) runSocketRow(r socketRow) (result, error) {
	res := newResult(r.row)
	core, loadCore := cores()
	load, err := start(loadCore, "load")
	if err != nil {
		return res, err
	}
	defer load.stop()
	servers := make(map[*idiom]*child)
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	for round := range b.rounds {
		for _, i := range b.idioms() {
			if !r.fits(i) || res.dropped[i.String()] || b.quick && !r.Bytes && res.covered(i) {
				continue
			}
			s := servers[i]
			if s == nil || r.fresh {
				kind := r.kind
				if i == limitRaw && kind != "idle-bare" {
					kind = "bare"
					if r.Bytes {
						kind = "idle-bare"
					}
				}
				if s != nil {
					s.stop()
				}
				if s, err = start(core, "server", "-idiom", i.String(), "-kind", kind); err != nil {
					return res, err
				}
				servers[i] = s
			}
			var sm sample
			err := b.profiled(s, r.ID, i, func() (err error) {
				sm, err = r.measure(b, r.for_(i), s, load)
				return err
			})
			switch {
			case errors.Is(err, errNoMeans):
				res.dropped[i.String()] = true
				continue
			case err != nil:
				res.drop(i, err)
				load.tell(command{Do: "close"})
				continue
			}
			res.add(i, sm)
		}
		if r.Bytes && round == 0 {
			break // memory repeats itself to the page
		}
	}
	return res, nil
}

// for_ returns the row as the load must do it for an idiom.
func (r socketRow) for_(i *idiom) socketRow {
	switch i {
	case limitRaw:
		r.protocol = "raw"
	case limitGet:
		r.protocol = "get"
	}
	return r
}

func measureEcho(b *bench, r socketRow, server, load *child) (sample, error) {
	addr, err := server.tell(command{Do: "addr"})
	if err != nil {
		return sample{}, err
	}
	if _, err := load.tell(command{Do: "open", Addr: addr.Addr, Protocol: r.protocol, Conns: r.conns, Size: r.size, Pipeline: r.pipeline}); err != nil {
		return sample{}, err
	}
	defer load.tell(command{Do: "close"})
	if _, err := load.tell(command{Do: "run", Ms: max(5, b.ms/5)}); err != nil { // warm
		return sample{}, err
	}
	before, err := server.tell(command{Do: "usage"})
	if err != nil {
		return sample{}, err
	}
	ran, err := load.tell(command{Do: "run", Ms: b.ms})
	if err != nil {
		return sample{}, err
	}
	after, err := server.tell(command{Do: "usage"})
	s := newSample(ran.Ops, after.Usage.sub(before.Usage))
	s.Sent = float64(ran.Bytes) / float64(max(1, ran.Ops))
	return s, err
}

func measureUpgrade(b *bench, r socketRow, server, load *child) (sample, error) {
	addr, err := server.tell(command{Do: "addr"})
	if err != nil {
		return sample{}, err
	}
	churn := command{Do: "churn", Addr: addr.Addr, Protocol: r.protocol, Conns: r.conns, Ms: max(5, b.ms/5)}
	if _, err := load.tell(churn); err != nil {
		return sample{}, err
	}
	before, err := server.tell(command{Do: "usage"})
	if err != nil {
		return sample{}, err
	}
	churn.Ms = b.ms
	ran, err := load.tell(churn)
	if err != nil {
		return sample{}, err
	}
	after, err := server.tell(command{Do: "usage"})
	return newSample(ran.Ops, after.Usage.sub(before.Usage)), err
}

// measureIdle compares the resident memory before and after r.conns
// connections were opened and have each echoed one message.
func measureIdle(b *bench, r socketRow, server, load *child) (sample, error) {
	addr, err := server.tell(command{Do: "addr"})
	if err != nil {
		return sample{}, err
	}
	open := command{Do: "open", Addr: addr.Addr, Protocol: r.protocol, Conns: 100, Size: r.size}
	if _, err := load.tell(open); err != nil { // code and tables are not the connections'
		return sample{}, err
	}
	if _, err := load.tell(command{Do: "close"}); err != nil {
		return sample{}, err
	}
	before, err := server.tell(command{Do: "usage", Resident: true})
	if err != nil {
		return sample{}, err
	}
	open.Conns = r.conns
	if _, err := load.tell(open); err != nil {
		return sample{}, err
	}
	defer load.tell(command{Do: "close"})
	after, err := server.tell(command{Do: "usage", Resident: true})
	if err != nil {
		return sample{}, err
	}
	s := newSample(int64(r.conns), after.Usage.sub(before.Usage))
	s.Value = math.Round(float64(after.Usage.RSS-before.Usage.RSS) / float64(r.conns))
	s.Reads, s.Writes = 0, 0
	return s, nil
}
