package main

import (
	"fmt"
	"strings"
	"testing"
)

const external = "terraform {\n  encryption {\n    key_provider \"external\" \"x\" { command = [\"/bin/false\"] }\n  }\n}"

// An error at `where`, FILE:LINE, whose message has `words` in it.
func expectRefused(t *testing.T, files map[string]string, where, words string) {
	t.Helper()
	for _, problem := range readText(t, files).Errors {
		if fmt.Sprintf("%s:%d", problem.File, problem.Line) == where && strings.Contains(problem.Message, words) {
			return
		}
	}
	t.Errorf("%v: no %q at %s in %v", files, words, where, readText(t, files).Errors)
}

func TestEncryptionIsRefusedAnywhereInTheTree(t *testing.T) {
	const words = "Remove the `encryption` block"
	expectRefused(t, map[string]string{"main.tf": external}, "main.tf:2", words)
	expectRefused(t, map[string]string{"main.tf": "", "a_override.tf": external}, "a_override.tf:2", words)
	expectRefused(t, map[string]string{"main.tf": "", "a.tofu": external}, "a.tofu:2", words)
	for _, text := range []string{`{"terraform": {"encryption": {}}}`, `{"terraform": [{}, {"encryption": [{}]}]}`} {
		expectRefused(t, map[string]string{"main.tf.json": text}, "main.tf.json:1", words)
	}
	expectRefused(t, map[string]string{
		"main.tf":       "module \"a\" { source = \"./a\" }",
		"a/main.tf":     "module \"b\" { source = \"../b//\" }",
		"b/main.tf":     external,
		"unused/any.tf": external,
	}, "b/main.tf:2", words)
}

func TestSourcesThatAreNotLocalAreRefused(t *testing.T) {
	const words = "is not local"
	for _, source := range []string{"http://127.0.0.1/m.zip", "git::https://example.com/m.git", "s3::https://s3/b/k",
		"acme/far/cloud", "example.com/acme/far/cloud", "github.com/acme/far", "git@github.com:acme/far.git",
		"/etc/module", "file:///etc/module", "a", ".hidden", "..", "."} {
		expectRefused(t, map[string]string{"main.tf": "\nmodule \"m\" {\n  source = \"" + source + "\"\n}"}, "main.tf:3", words)
	}
	expectRefused(t, map[string]string{"main.tf.json": `{"module": {"m": [{"source": "./a"}, {"source": "http://h/m"}]}}`},
		"main.tf.json:1", words)
	expectRefused(t, map[string]string{"main.tf": "module \"m\" { source = \"./m\" }", "m/main.tf": "",
		"z_override.tf": "module \"m\" { source = \"acme/far/cloud\" }"}, "z_override.tf:1", words)
	expectRefused(t, map[string]string{"main.tf": "module \"m\" { source = \"./m\" }",
		"m/main.tf": "\nmodule \"n\" { source = \"acme/far/cloud\" }"}, "m/main.tf:2", words)
}

func TestSourcesOfTestsAreRefusedToo(t *testing.T) {
	run := "run \"a\" {\n  module { source = \"http://h/m.zip\" }\n}"
	for _, name := range []string{"a.tftest.hcl", "tests/a.tftest.hcl", "a.tofutest.hcl"} {
		expectRefused(t, map[string]string{"main.tf": "", name: run}, name+":2", "is not local")
	}
	expectRefused(t, map[string]string{"main.tf": "", "tests/a.tftest.json": `{"run": {"a": {"module": {"source": "a/b/c"}}}}`},
		"tests/a.tftest.json:1", "is not local")
	expectRefused(t, map[string]string{"main.tf": "", "a.tftest.hcl": "run \"a\" {\n  module { source = \"./tests/m\" }\n}",
		"tests/m/main.tf": external}, "tests/m/main.tf:2", "encryption")
}

func TestSourcesThatAreComputedAreRefused(t *testing.T) {
	const words = "is not a plain text"
	expectRefused(t, map[string]string{"main.tf": "variable \"v\" {}\nmodule \"m\" { source = \"./${var.v}\" }"}, "main.tf:2", words)
	expectRefused(t, map[string]string{"main.tf": "locals { v = \"./a\" }\nmodule \"m\" { source = local.v }"}, "main.tf:2", words)
	expectRefused(t, map[string]string{"main.tf.json": `{"module": {"m": {"source": "./${var.v}"}}}`}, "main.tf.json:1", words)
}

func TestSourcesThatLeadOutAreRefused(t *testing.T) {
	for _, source := range []string{"../", "../other", "./a/../../other"} {
		expectRefused(t, map[string]string{"main.tf": "module \"m\" { source = \"" + source + "\" }"}, "main.tf:1", "outside of this module")
	}
}

func TestMoreModulesThanAreReadAreRefused(t *testing.T) {
	files := map[string]string{"main.tf": "module \"m\" { source = \"./m0\" }"}
	for i := range foldersMax + 1 {
		files[fmt.Sprintf("m%d/main.tf", i)] = fmt.Sprintf("module \"m\" { source = \"../m%d\" }", i+1)
	}
	expectRefused(t, files, fmt.Sprintf("m%d/main.tf:1", foldersMax-2), "More than 200 modules")
}

func TestLocalModulesAreTaken(t *testing.T) {
	module := readText(t, map[string]string{
		"main.tf":       "module \"a\" { source = \"./a\" }\nmodule \"gone\" { source = \"./gone\" }",
		"a/main.tf":     "module \"b\" { source = \"../b\" }",
		"b/main.tf":     "",
		"a.tftest.hcl":  "run \"a\" {\n  module { source = \"./b\" }\n}\nrun \"b\" {}",
		"z_override.tf": "module \"a\" { count = 2 }",
	})
	if len(module.Errors) > 0 {
		t.Errorf("%v", module.Errors)
	}
}
