package reconnect_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each test that docs/reconnect.md names for a guarantee is there.
func TestGuaranteesHaveTests(t *testing.T) {
	text, err := os.ReadFile("../../docs/reconnect.md")
	require.NoError(t, err)
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	there := make(map[string]bool)
	for _, file := range files {
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(code, -1) {
			there[string(m[1])] = true
		}
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(text, -1)
	require.Greater(t, len(named), 30)
	for _, m := range named {
		require.True(t, there[string(m[1])], string(m[1]))
	}
}
