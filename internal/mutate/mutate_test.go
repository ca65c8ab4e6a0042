package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMutants(t *testing.T) {
	const src = `package p

func f(a, b int) (n int, err error) {
	if a < b && g() {
		n = a + 10
		n++
	}
	x := n
	h(x)
	switch {
	case x == 3:
		return n, nil
	}
	for n > 0 {
		n -= 1
	}
	return n, nil
}

func String() string { return "a" + "b" }
`
	ms, err := mutants("p.go", []byte(src))
	require.NoError(t, err)
	var got []string
	for _, m := range ms {
		got = append(got, m.String())
		changed := string(m.apply([]byte(src)))
		require.NotEqual(t, src, changed)
		_, err := mutants("p.go", []byte(changed))
		require.NoError(t, err, "%v makes\n%s", m, changed)
	}
	require.ElementsMatch(t, []string{
		"p.go:4: dropped: if a < b && g()", "p.go:4: always: if a < b && g()",
		"p.go:4: && becomes || in a < b && g()", "p.go:4: < becomes <= in a < b",
		"p.go:5: left out: n = a + 10", "p.go:5: + becomes - in a + 10", "p.go:5: 10 becomes 11",
		"p.go:6: left out: n++",
		"p.go:9: left out: h(x)",
		"p.go:11: dropped: case x == 3", "p.go:11: always: case x == 3", "p.go:11: == becomes != in x == 3", "p.go:11: 3 becomes 4",
		"p.go:14: the loop is left out: for n > 0", "p.go:14: > becomes >= in n > 0", "p.go:14: 0 becomes 1",
		"p.go:15: left out: n -= 1", "p.go:15: 1 becomes 2",
	}, got)

	_, err = mutants("p.go", []byte("no Go"))
	require.Error(t, err)
}

// The order depends on the seed alone, and the files are left alone.
func TestCandidates(t *testing.T) {
	one, err := candidates("../../mask")
	require.NoError(t, err)
	require.NotEmpty(t, one)
	two, err := candidates("../../mask")
	require.NoError(t, err)
	require.Equal(t, one, two)
	_, err = candidates("../../none")
	require.Error(t, err)
}
