//go:build tools

// Package tools pins the Go programs that set-up builds: nothing here is compiled into Stratus.
package tools

import (
	_ "github.com/fullstorydev/grpcurl/cmd/grpcurl"
)
