package astrosim

import "net/http"

const adminPath = "/_sim"

func (s *Sim) admin() http.Handler { return http.NotFoundHandler() }
