// The compiler lets functions lack bodies (see masks.go) only beside an assembly file.
