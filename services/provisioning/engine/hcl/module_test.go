package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func readText(t *testing.T, files map[string]string) *Module {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
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

func TestJSONModulesAreRead(t *testing.T) {
	module := readText(t, map[string]string{
		"main.tf.json": `{"variable": {"a": {"type": "string", "sensitive": true, "nullable": false}}}`})
	if len(module.Errors) > 0 || len(module.Variables) != 1 {
		t.Fatalf("%+v", module)
	}
	if a := module.Variables[0]; a.TypeTree.Kind != "string" || !a.Sensitive || a.Nullable {
		t.Errorf("%+v", a)
	}
}

func TestOverrideFilesCount(t *testing.T) {
	for _, name := range []string{"main_override.tf", "override.tf", "x_override.tofu", "override.tf.json"} {
		text := "variable \"pw\" { sensitive = true }\nvariable \"n\" { type = number }\noutput \"pw\" { sensitive = true }"
		if strings.HasSuffix(name, ".json") {
			text = `{"variable": {"pw": {"sensitive": true}, "n": {"type": "number"}}, "output": {"pw": {"sensitive": true}}}`
		}
		module := readText(t, map[string]string{name: text, "zz.tf": `
variable "pw" {
  type    = string
  default = "tr0ub4dor"
}
variable "n" { type = string }
output "pw" { value = "x" }`})
		if len(module.Errors) > 0 {
			t.Fatalf("%s: %+v", name, module.Errors)
		}
		n, pw := module.Variables[0], module.Variables[1]
		if n.Type != "number" || !pw.Sensitive || pw.Type != "string" || !module.Outputs[0].Sensitive {
			t.Errorf("%s: %+v %+v", name, module.Variables, module.Outputs)
		}
		if pw.Default != nil || !pw.HasDefault || len(module.SecretDefaults) != 1 || module.SecretDefaults[0] != "tr0ub4dor" {
			t.Errorf("%s: the default is told: %+v %v", name, pw, module.SecretDefaults)
		}
	}
	lone := readText(t, map[string]string{"main.tf": "", "override.tf": `variable "a" {}`})
	if len(lone.Errors) != 1 || lone.Errors[0].File != "override.tf" {
		t.Errorf("an override of nothing: %+v", lone.Errors)
	}
}

func TestFilesThatTheEngineLeavesOutAreLeftOut(t *testing.T) {
	module := readText(t, map[string]string{
		"main.tf":      `variable "a" {}`,
		".hidden.tf":   `variable "b" {}`,
		"main.tf~":     `variable "c" {}`,
		"#main.tf#":    `variable "d" {}`,
		"a.tftest.hcl": `variable "e" {}`,
		"two.tf":       `variable "f" {}`,
		"two.tofu":     `variable "g" {}`,
	})
	if len(module.Errors) > 0 || len(module.Variables) != 2 || module.Variables[1].Name != "g" {
		t.Errorf("%+v", module)
	}
}

func TestDefaultsWithinTheTypeOfASensitiveVariableAreNotTold(t *testing.T) {
	text := `
variable "database" {
  type = list(object({
    user     = optional(string, "admin-of-all")
    password = optional(string, "tr0ub4dor")
    nested   = optional(object({ pin = optional(number, 90210) }), { pin = 31337 })
    port     = number
  }))
  %s
}`
	open := readText(t, map[string]string{"main.tf": strings.Replace(text, "%s", "", 1)})
	if !strings.Contains(open.Variables[0].Type, "tr0ub4dor") || len(open.SecretDefaults) != 0 {
		t.Errorf("what is not sensitive is told: %+v", open)
	}
	module := readText(t, map[string]string{"main.tf": strings.Replace(text, "%s", "sensitive = true", 1)})
	shown, err := json.Marshal(module.Variables)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"admin-of-all", "tr0ub4dor", "90210", "31337"} {
		if strings.Contains(string(shown), secret) {
			t.Errorf("%s is told: %s", secret, shown)
		}
		if !slices.Contains(module.SecretDefaults, secret) {
			t.Errorf("%s is not known to be a secret: %v", secret, module.SecretDefaults)
		}
	}
	want := "list(object({ nested = optional(object({ pin = optional(number) })), password = optional(string), " +
		"port = number, user = optional(string) }))"
	if module.Variables[0].Type != want {
		t.Errorf("the type is %s", module.Variables[0].Type)
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
	if !slices.Equal(module.Providers, []string{"acme/cloud", "hashicorp/aws"}) {
		t.Errorf("%v", module.Providers)
	}
}

func TestProvidersOfTheWholeTreeAreTold(t *testing.T) {
	module := readText(t, map[string]string{
		"main.tf": `
module "inner" { source = "./modules/inner" }
resource "terraform_data" "x" {}`,
		"modules/inner/main.tf": `
module "loop" { source = "../.." }
terraform {
  required_providers { digitalocean = { source = "digitalocean/digitalocean" } }
}
resource "digitalocean_droplet" "d" {}
resource "random_pet" "implied" {}
data "google_project" "aliased" { provider = google-beta.east }
provider "null" {}`,
		"modules/unused/main.tf": `resource "aws_instance" "i" {}`,
	})
	want := []string{"digitalocean/digitalocean", "hashicorp/google-beta", "hashicorp/null", "hashicorp/random"}
	if len(module.Errors) > 0 || !slices.Equal(module.Providers, want) {
		t.Errorf("%v %v", module.Providers, module.Errors)
	}
}

func TestAFolderWithoutModuleIsRefused(t *testing.T) {
	if _, err := ReadModule(t.TempDir()); err == nil {
		t.Error("it is accepted")
	}
}
