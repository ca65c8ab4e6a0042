package sentinels

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// Every exported error variable is named by a test of a package, beside the
// table in frame/error_test.go that only says what each of them is.
func TestEverySentinelIsProvoked(t *testing.T) {
	declared, tested := map[string]string{}, map[string]bool{}
	for _, dir := range []string{"mask", "frame", "handshake", "conn"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			switch {
			case !strings.HasSuffix(path, "_test.go"):
				for _, name := range sentinels(file) {
					declared[file.Name.Name+"."+name] = path
				}
			case filepath.Base(path) != "error_test.go":
				for _, name := range mentions(file) {
					tested[name] = true
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.Greater(t, len(declared), 18)
	for name, path := range declared {
		require.True(t, tested[name], "no test provokes %s of %s", name, path)
	}
}

// sentinels returns the exported error variables of a file.
func sentinels(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		vars, ok := decl.(*ast.GenDecl)
		if !ok || vars.Tok != token.VAR {
			continue
		}
		for _, spec := range vars.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if strings.HasPrefix(name.Name, "Err") {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// mentions returns the variables that a test names, each with its package.
func mentions(file *ast.File) (names []string) {
	own := strings.TrimSuffix(file.Name.Name, "_test") + "."
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok {
				names = append(names, pkg.Name+"."+n.Sel.Name)
			}
		case *ast.Ident:
			names = append(names, own+n.Name)
		}
		return true
	})
	return names
}
