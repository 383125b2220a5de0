//go:build tools

// Package tools pins the OpenTofu that set-up builds: nothing here is compiled into Stratus.
package tools

import (
	_ "github.com/opentofu/opentofu/cmd/tofu"
)
