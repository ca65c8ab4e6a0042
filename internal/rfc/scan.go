package rfc

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Claim says that a test names the id of a requirement.
type Claim struct {
	ID   string
	File string // with slashes, from the root of what was scanned
	Test string // the function
	Line int
}

// idPattern matches an id where one begins; who uses it looks at what stands
// before and after.
var idPattern = regexp.MustCompile(`(?:[0-9]{4}:)?[0-9]+(?:\.[0-9]+)*-[0-9]+|IANA:[a-z]+-[0-9]+`)

// ids returns the ids in text, each whole: "5.1-2" is found neither in
// "15.1-2" nor in "5.1-21", nor in "7692:5.1-2".
func ids(text string) []string {
	var found []string
	for _, at := range idPattern.FindAllStringIndex(text, -1) {
		before, after := text[:at[0]], text[at[1]:]
		if before != "" && partOfID(before[len(before)-1]) {
			continue
		}
		if after != "" && (partOfID(after[0]) && after[0] != '.' || len(after) > 1 && after[0] == '.' && partOfID(after[1])) {
			continue
		}
		found = append(found, text[at[0]:at[1]])
	}
	return found
}

func partOfID(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte(".:-_", c) >= 0
}

// Scan returns the claims of all tests under root, in the order of the files.
// Nested modules, testdata and directories whose name begins with a dot or an
// underscore are left out, as the go command leaves them out.
func Scan(root fs.FS) ([]Claim, error) {
	var claims []Claim
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(root, name)
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		found, err := scanFile(name, src)
		claims = append(claims, found...)
		return err
	})
	return claims, err
}

func skipDir(root fs.FS, name string) error {
	base := path.Base(name)
	if name == "." {
		return nil
	}
	if base == "testdata" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func scanFile(name string, src []byte) ([]Claim, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	tables := packageTables(file)
	var claims []Claim
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv != nil || f.Body == nil || !isTest(f.Name.Name) {
			continue
		}
		claim := func(pos token.Pos, found []string) {
			for _, id := range found {
				c := Claim{id, name, f.Name.Name, fset.Position(pos).Line}
				same := func(o Claim) bool { return o.ID == c.ID && o.Test == c.Test }
				if !slices.ContainsFunc(claims, same) {
					claims = append(claims, c)
				}
			}
		}
		begin := f.Pos()
		if f.Doc != nil {
			begin = f.Doc.Pos()
		}
		for _, comment := range file.Comments {
			if begin <= comment.Pos() && comment.Pos() <= f.End() {
				claim(comment.Pos(), proved(comment.Text()))
			}
		}
		for _, lit := range subtestNames(f.Body, tables) {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				claim(lit.Pos(), leadingIDs(text))
			}
		}
	}
	return claims, nil
}

func isTest(name string) bool {
	return strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") || strings.HasPrefix(name, "Example")
}

var (
	provesPattern = regexp.MustCompile(`\b[Pp]roves\b`)
	sentenceEnd   = regexp.MustCompile(`\.(\s|$)|:\s|;`)
)

// proved returns the ids between the word "proves" and the end of its sentence.
func proved(comment string) []string {
	var found []string
	for _, at := range provesPattern.FindAllStringIndex(comment, -1) {
		sentence := comment[at[1]:]
		if end := sentenceEnd.FindStringIndex(sentence); end != nil {
			sentence = sentence[:end[0]]
		}
		found = append(found, ids(sentence)...)
	}
	return found
}

// leadingIDs returns the ids that the name of a subtest begins with, one or
// several, with or without commas between them.
func leadingIDs(name string) []string {
	var found []string
	for word := range strings.FieldsSeq(name) {
		id := strings.TrimSuffix(word, ",")
		if id == "" || idPattern.FindString(id) != id {
			break
		}
		found = append(found, id)
	}
	return found
}

// packageTables returns the composite literals that the file's variables begin
// with, by name.
func packageTables(file *ast.File) map[string]*ast.CompositeLit {
	tables := make(map[string]*ast.CompositeLit)
	for _, decl := range file.Decls {
		g, ok := decl.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			for i, value := range v.Values {
				if lit, ok := value.(*ast.CompositeLit); ok && i < len(v.Names) {
					tables[v.Names[i].Name] = lit
				}
			}
		}
	}
	return tables
}

// subtestNames returns the strings that can be the name of a subtest: those in
// the first argument of a call of Run, and, when the function has such a call,
// those that stand in its tables, as a key or as an element. Its tables are
// those in its body, and those of the file that it names.
func subtestNames(body *ast.BlockStmt, tables map[string]*ast.CompositeLit) []*ast.BasicLit {
	var names, table []*ast.BasicLit
	runs := false
	seen := make(map[*ast.CompositeLit]bool)
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if lit := tables[n.Name]; lit != nil && !seen[lit] {
				seen[lit] = true // a field in it may have its name
				ast.Inspect(lit, visit)
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Run" && len(n.Args) == 2 {
				runs = true
				names = append(names, literals(n.Args[0])...)
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					table = append(table, literals(kv.Key)...)
					e = kv.Value
				}
				if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					table = append(table, lit)
				}
			}
		}
		return true
	}
	ast.Inspect(body, visit)
	if runs {
		names = append(names, table...)
	}
	return names
}

// literals returns the string literals of an expression.
func literals(e ast.Expr) []*ast.BasicLit {
	var found []*ast.BasicLit
	ast.Inspect(e, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			found = append(found, lit)
		}
		return true
	})
	return found
}
