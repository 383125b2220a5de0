// Command stratus-hcl reads a Terraform module as OpenTofu would and prints what it declares as JSON.
//
//	stratus-hcl FOLDER
//	{"variables": [...], "outputs": [...], "providers": ["source"], "secret_defaults": [...], "errors": [...]}
//
// The exit code is 0 when the module was read, also with errors in it; 2 when the folder could not be.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: stratus-hcl FOLDER")
		os.Exit(2)
	}
	module, err := ReadModule(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "stratus-hcl:", err)
		os.Exit(2)
	}
	if err := json.NewEncoder(os.Stdout).Encode(module); err != nil {
		fmt.Fprintln(os.Stderr, "stratus-hcl:", err)
		os.Exit(2)
	}
}
