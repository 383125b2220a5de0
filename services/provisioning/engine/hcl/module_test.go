package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func readText(t *testing.T, files map[string]string) *Module {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	module, err := ReadModule(folder)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func TestDefaultsOfOptionalAttributesAreInTheDefault(t *testing.T) {
	module := readText(t, map[string]string{"main.tf": `
variable "ports" {
  type    = list(object({ port = number, protocol = optional(string, "tcp") }))
  default = [{ port = 80 }]
}`})
	if got := string(module.Variables[0].Default); got != `[{"port":80,"protocol":"tcp"}]` {
		t.Errorf("default is %s", got)
	}
}

func TestErrorsHaveFileAndLine(t *testing.T) {
	for text, want := range map[string]string{
		"\nvariable \"a\" {\n  type = strin\n}":                   "main.tf:3",
		"variable \"a\" {\n  type = number\n  default = \"x\"\n}": "main.tf:3",
		"variable \"a\" {}\n\nvariable \"a\" {}":                  "main.tf:3",
		"variable \"a\" {\n  default = var.b\n}":                  "main.tf:2",
		"resource \"x\" \"y\" {":                                  "main.tf:1",
	} {
		module := readText(t, map[string]string{"main.tf": text})
		if len(module.Errors) == 0 {
			t.Errorf("%q is accepted", text)
			continue
		}
		if problem := module.Errors[0]; !strings.HasPrefix(want, problem.File+":") || problem.Message == "" ||
			want != problem.File+":"+string(rune('0'+problem.Line)) {
			t.Errorf("%q: %s:%d: %s, want %s", text, problem.File, problem.Line, problem.Message, want)
		}
	}
}

func TestJSONModulesAndOverridesAreTold(t *testing.T) {
	module := readText(t, map[string]string{
		"main.tf.json":     `{"variable": {"a": {"type": "string", "sensitive": true, "nullable": false}}}`,
		"main_override.tf": `variable "a" { type = number }`,
	})
	if len(module.Errors) > 0 || len(module.Variables) != 1 {
		t.Fatalf("%+v", module)
	}
	if a := module.Variables[0]; a.TypeTree.Kind != "string" || !a.Sensitive || a.Nullable {
		t.Errorf("%+v", a)
	}
}

func TestProvidersWithoutASourceAreHashicorps(t *testing.T) {
	module := readText(t, map[string]string{"main.tf": `
terraform {
  required_providers {
    aws = "~> 5.0"
    cloud = {
      source                = "acme/cloud"
      configuration_aliases = [cloud.east]
    }
  }
}`})
	if module.Providers["aws"] != "hashicorp/aws" || module.Providers["cloud"] != "acme/cloud" {
		t.Errorf("%v", module.Providers)
	}
}

func TestAFolderWithoutModuleIsRefused(t *testing.T) {
	if _, err := ReadModule(t.TempDir()); err == nil {
		t.Error("it is accepted")
	}
}
