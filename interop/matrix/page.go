package main

import "net/http"

func (h *host) page(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
