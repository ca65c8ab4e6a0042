module github.com/seed24abed78/rfc6455/interop

go 1.26.0

require github.com/seed24abed78/rfc6455 v0.0.0

replace github.com/seed24abed78/rfc6455 => ../
