package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
)

// mutant is one small change to a source file.
type mutant struct {
	file       string
	line       int
	what       string // in words
	begin, end int    // bytes of the file that text replaces
	text       string
}

func (m mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what) }

// apply returns the file with the change made.
func (m mutant) apply(src []byte) []byte {
	out := append([]byte(nil), src[:m.begin]...)
	out = append(out, m.text...)
	return append(out, src[m.end:]...)
}

// swapped has what stands in for an operator: the neighbour that a slip of the
// hand would have written.
var swapped = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS,
	token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD,
	token.AND: token.OR, token.OR: token.AND,
	token.SHL: token.SHR, token.SHR: token.SHL,
}

// finder collects the mutants of one file.
type finder struct {
	fset *token.FileSet
	src  []byte
	name string
	all  []mutant
}

// mutants returns every mutant of a file, in the order of the source.
func mutants(name string, src []byte) ([]mutant, error) {
	f := finder{fset: token.NewFileSet(), src: src, name: name}
	file, err := parser.ParseFile(f.fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && fn.Name.Name != "String" && fn.Name.Name != "Error" {
			ast.Inspect(fn.Body, f.visit)
		}
	}
	return f.all, nil
}

func (f *finder) add(begin, end token.Pos, text, what string) {
	p, q := f.fset.Position(begin), f.fset.Position(end)
	f.all = append(f.all, mutant{f.name, p.Line, what, p.Offset, q.Offset, text})
}

// source returns what stands between two places, shortened for a message.
func (f *finder) source(n ast.Node) string {
	s := string(f.src[f.fset.Position(n.Pos()).Offset:f.fset.Position(n.End()).Offset])
	for i, c := range s {
		if c == '\n' || i > 60 {
			return s[:i] + " …"
		}
	}
	return s
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if to, ok := swapped[n.Op]; ok && !isString(n.X) && !isString(n.Y) {
			f.add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), to.String(), fmt.Sprintf("%s becomes %s in %s", n.Op, to, f.source(n)))
		}
	case *ast.BasicLit:
		if v, err := strconv.ParseUint(n.Value, 0, 32); n.Kind == token.INT && err == nil {
			f.add(n.Pos(), n.End(), strconv.FormatUint(v+1, 10), fmt.Sprintf("%s becomes %d", n.Value, v+1))
		}
	case *ast.Ident:
		if to := map[string]string{"true": "false", "false": "true"}[n.Name]; to != "" {
			f.add(n.Pos(), n.End(), to, n.Name+" becomes "+to)
		}
	case *ast.IfStmt:
		f.condition(n.Cond, "if")
	case *ast.ForStmt:
		if n.Cond != nil { // true would be a loop without end, which proves little
			f.add(n.Cond.Pos(), n.Cond.End(), "false && ("+f.whole(n.Cond)+")", "the loop is left out: for "+f.source(n.Cond))
		}
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					f.condition(e, "case")
				}
			}
		}
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
	}
	return true
}

// condition drops a check, and makes it hold always.
func (f *finder) condition(e ast.Expr, keyword string) {
	f.add(e.Pos(), e.End(), "false && ("+f.whole(e)+")", fmt.Sprintf("dropped: %s %s", keyword, f.source(e)))
	f.add(e.Pos(), e.End(), "true || ("+f.whole(e)+")", fmt.Sprintf("always: %s %s", keyword, f.source(e)))
}

// statements leaves out what can be left out without the types noticing.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
			blank := ""
			for _, e := range s.Rhs { // keeps variables used
				blank += "_ = " + f.whole(e) + "; "
			}
			if len(s.Lhs) == len(s.Rhs) && s.Tok == token.ASSIGN {
				f.add(s.Pos(), s.End(), blank, "left out: "+f.source(s))
			} else if s.Tok != token.ASSIGN {
				f.add(s.Pos(), s.End(), blank, "left out: "+f.source(s))
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
			f.add(s.Pos(), s.End(), "", "left out: "+f.source(s))
		}
	}
}

// whole returns the source of an expression.
func (f *finder) whole(n ast.Node) string {
	return string(f.src[f.fset.Position(n.Pos()).Offset:f.fset.Position(n.End()).Offset])
}

func isString(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING
}
