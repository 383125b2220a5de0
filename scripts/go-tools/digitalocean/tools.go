//go:build tools

// Package tools pins the DigitalOcean provider that set-up builds: nothing here is compiled into Stratus.
package tools

import (
	_ "github.com/terraform-providers/terraform-provider-digitalocean"
)
