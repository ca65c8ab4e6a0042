package docs

import (
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/seed24abed78/rfc6455"

// library are the packages that users import, by their last name.
var library = []string{
	"mask", "frame", "handshake", "conn", "conn/conntest", "conn/deflate", "conn/hub", "conn/reconnect", "conn/sendqueue",
}

// load returns the documents of a package, and every exported name in it:
// functions, constants, variables, types, and Type.Field and Type.Method.
func load(t *testing.T, dir string) (*doc.Package, map[string]bool) {
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	require.NoError(t, err)
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, module+"/"+dir)
	require.NoError(t, err)

	all := make(map[string]bool)
	values := func(vs []*doc.Value) {
		for _, v := range vs {
			for _, name := range v.Names {
				all[name] = true
			}
		}
	}
	funcs := func(prefix string, fs []*doc.Func) {
		for _, f := range fs {
			all[prefix+f.Name] = true
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs("", p.Funcs)
	for _, typ := range p.Types {
		all[typ.Name] = true
		values(typ.Consts)
		values(typ.Vars)
		funcs("", typ.Funcs)
		funcs(typ.Name+".", typ.Methods)
		for _, spec := range typ.Decl.Specs {
			for _, field := range fields(spec.(*ast.TypeSpec).Type) {
				all[typ.Name+"."+field] = true
			}
		}
	}
	return p, all
}

// fields are the names in a struct or an interface.
func fields(typ ast.Expr) (names []string) {
	var list *ast.FieldList
	switch typ := typ.(type) {
	case *ast.StructType:
		list = typ.Fields
	case *ast.InterfaceType:
		list = typ.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		for _, name := range f.Names {
			names = append(names, name.Name)
		}
	}
	return names
}

var (
	qualified = regexp.MustCompile(`\b(` + strings.Join(lastNames(), "|") + `)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)
	member    = regexp.MustCompile(`\b(ws|Config|Options|Conn|Group|Queue|Topic|PreparedMessage)\.([A-Z]\w*)`)
)

func lastNames() (names []string) {
	for _, dir := range library {
		names = append(names, filepath.Base(dir))
	}
	return names
}

// TestNames looks up each name of this module that a document for its users
// mentions, such as conn.Dial, Config.Header or ws.Ping.
func TestNames(t *testing.T) {
	packages := make(map[string]map[string]bool) // by last name
	members := make(map[string]bool)             // of all packages
	for _, dir := range library {
		_, names := load(t, dir)
		packages[filepath.Base(dir)] = names
		for name := range names {
			members[name] = true
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	found := 0
	for _, file := range append(files, filepath.Join(root, "README.md"), filepath.Join(root, "ARCHITECTURE.md")) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range qualified.FindAllStringSubmatch(string(text), -1) {
			found++
			require.True(t, packages[m[1]][m[2]], "%s: %s", file, m[0])
			if m[3] != "" {
				require.True(t, packages[m[1]][m[2]+"."+m[3]], "%s: %s", file, m[0])
			}
		}
		for _, m := range member.FindAllStringSubmatch(string(text), -1) {
			typ := m[1]
			if typ == "ws" {
				typ = "Conn"
			}
			found++
			require.True(t, members[typ+"."+m[2]], "%s: %s", file, m[0])
		}
	}
	require.Greater(t, found, 100)
}

var bracket = regexp.MustCompile(`\[\*?([A-Za-z]\w*\.)?[A-Z]\w*(\.[A-Z]\w*)?\]`)

// TestDocLinks follows every [Name] of the package documents.
func TestDocLinks(t *testing.T) {
	links := 0
	for _, dir := range library {
		p, names := load(t, dir)
		texts := []string{p.Doc}
		add := func(fs []*doc.Func) {
			for _, f := range fs {
				texts = append(texts, f.Doc)
			}
		}
		add(p.Funcs)
		for _, typ := range p.Types {
			texts = append(texts, typ.Doc)
			add(typ.Funcs)
			add(typ.Methods)
			for _, spec := range typ.Decl.Specs {
				ast.Inspect(spec, func(n ast.Node) bool {
					if f, ok := n.(*ast.Field); ok {
						texts = append(texts, f.Doc.Text())
					}
					return true
				})
			}
		}
		for _, text := range texts {
			inText(p.Parser().Parse(text).Content, func(part comment.Text) {
				switch part := part.(type) {
				case comment.Plain:
					require.NotRegexp(t, bracket, string(part), "%s: a link to nothing", dir)
				case *comment.DocLink:
					links++
					name := strings.TrimPrefix(part.Recv+"."+part.Name, ".")
					if other, ours := strings.CutPrefix(part.ImportPath, module+"/"); ours {
						_, theirs := load(t, other)
						require.True(t, theirs[name], "%s links to %s.%s", dir, other, name)
					} else if part.ImportPath == "" {
						require.True(t, names[name], "%s links to %s", dir, name)
					}
				}
			})
		}
	}
	require.NotZero(t, links)
}

// inText calls see with each piece of text in the blocks.
func inText(blocks []comment.Block, see func(comment.Text)) {
	for _, block := range blocks {
		switch block := block.(type) {
		case *comment.Paragraph:
			for _, part := range block.Text {
				see(part)
			}
		case *comment.List:
			for _, item := range block.Items {
				inText(item.Content, see)
			}
		}
	}
}

var (
	block   = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	command = regexp.MustCompile(`(?m)^\$ (?:cd (\S+) && )?go run (\./\S+)`)
)

// sources are the files that blocks in another language than Go are taken
// from.
var sources = map[string]string{
	"nginx":   "interop/matrix/proxies/nginx.conf",
	"haproxy": "interop/matrix/proxies/haproxy.cfg",
}

// TestBlocks finds the programs and settings of the documents in files that
// tests run, and the programs that the documents tell people to run.
func TestBlocks(t *testing.T) {
	var code []string
	examples, err := filepath.Glob(filepath.Join(root, "conn", "example*_test.go"))
	require.NoError(t, err)
	for _, name := range examples {
		code = append(code, read(t, name))
	}
	programs := 0
	for _, file := range []string{"README.md", "docs/deployment.md"} {
		text := read(t, filepath.Join(root, file))
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			source, ok := sources[m[1]]
			switch {
			case m[1] == "go" && file == "README.md":
				require.True(t, slices.ContainsFunc(code, func(s string) bool { return contains(s, m[2]) }),
					"%s: no example of conn has\n%s", file, m[2])
			case ok:
				require.True(t, contains(read(t, filepath.Join(root, source)), m[2]), "%s: %s doesn't have\n%s", file, source, m[2])
			case m[1] == "console":
				for _, c := range command.FindAllStringSubmatch(m[2], -1) {
					programs++
					require.FileExists(t, filepath.Join(root, c[1], c[2], "main.go"), "%s: %s", file, c[0])
				}
			}
		}
	}
	require.Greater(t, programs, 7)
}

// contains reports whether text has the lines of part, whatever their common
// indentation.
func contains(text, part string) bool {
	return strings.Contains(flat(text), flat(part))
}

var indent = regexp.MustCompile(`(?m)^[\t ]+`)

func flat(s string) string { return indent.ReplaceAllString(s, "") }

func read(t *testing.T, name string) string {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// TestPaths looks for the files and directories that the documents mention in
// backquotes without a link.
func TestPaths(t *testing.T) {
	path := regexp.MustCompile("`((?:mask|frame|handshake|conn|examples|fuzz|interop|internal|docs|\\.ci)/[\\w./-]*)`")
	found := 0
	require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".md" {
			return err
		}
		for _, m := range path.FindAllStringSubmatch(read(t, name), -1) {
			found++
			_, err := os.Stat(filepath.Join(root, m[1]))
			require.NoError(t, err, "%s mentions %s", name, m[1])
		}
		return nil
	}))
	require.NotZero(t, found)
}

// TestVersions compares the versions that the README's table is about with
// those that interop/ tests against.
func TestVersions(t *testing.T) {
	readme, mod := read(t, filepath.Join(root, "README.md")), read(t, filepath.Join(root, "interop", "go.mod"))
	for _, lib := range []string{"gorilla/websocket", "coder/websocket", "gobwas/ws", "lxzan/gws", "lesismal/nbio"} {
		m := regexp.MustCompile(`github\.com/` + lib + ` v(\S+)`).FindStringSubmatch(mod)
		require.NotNil(t, m, lib)
		require.Contains(t, readme, lib+" "+m[1])
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, filepath.Join(root, "go.mod")))
	require.Contains(t, readme, "Go "+version[1]+" or later")
}
