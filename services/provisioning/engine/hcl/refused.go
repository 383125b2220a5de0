package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// What init would run or fetch on the module's behalf: refused when the module is read, before any engine sees it.

var encryptionSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "encryption"}}}

// refuseEncryption refuses `encryption` within a `terraform` block: a key provider may be a program that init starts,
// and a state or plan that only the module can read is of no use to the service.
func refuseEncryption(terraform *hcl.Block) hcl.Diagnostics {
	var problems hcl.Diagnostics
	content, _, _ := terraform.Body.PartialContent(encryptionSchema)
	for _, block := range content.Blocks {
		problems = append(problems, refusal(block.DefRange, "A module cannot encrypt its state or plan",
			"Remove the `encryption` block: the service keeps both, sealed with its own keys."))
	}
	return problems
}

// localChild is the folder that a module call leads to; empty for one that names no source, of which an override file
// or init has the last word. Any source but a folder of this module's own is refused: init would fetch it.
func localChild(root, folder string, call *hcl.Block) (string, hcl.Diagnostics) {
	attribute := attributeOf(call, "source")
	if attribute == nil {
		return "", nil
	}
	where := attribute.Range
	source, ok := literalText(attribute)
	if !ok {
		return "", hcl.Diagnostics{refusal(where, "The source of a module is not a plain text",
			"Write it as a path within this module, such as \"./modules/network\".")}
	}
	if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		return "", hcl.Diagnostics{refusal(where, fmt.Sprintf("The module %q is not local", source),
			"Copy it into a folder of this module, and name that by a path that begins with `./` or `../`: "+
				"nothing is fetched when a module is prepared.")}
	}
	child := filepath.Join(folder, source)
	if child != root && !strings.HasPrefix(child, root+string(filepath.Separator)) {
		return "", hcl.Diagnostics{refusal(where, fmt.Sprintf("The module %q is outside of this module's folder", source),
			"Copy it into a folder of this module: no other is there when a module is prepared.")}
	}
	return child, nil
}

func refusal(where hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &where}
}

var testRuns = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "run", LabelNames: []string{"name"}}}}
var testModules = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "module"}}}

// testModuleCalls gives the modules that a root module's tests call: init installs these too.
func testModuleCalls(root string) hcl.Blocks {
	var calls hcl.Blocks
	for _, folder := range []string{root, filepath.Join(root, "tests")} {
		entries, _ := os.ReadDir(folder)
		for _, entry := range entries {
			if entry.IsDir() || !isTestFile(entry.Name()) {
				continue
			}
			for _, run := range readBlocks(filepath.Join(folder, entry.Name()), testRuns) {
				content, _, _ := run.Body.PartialContent(testModules)
				calls = append(calls, content.Blocks...)
			}
		}
	}
	return calls
}

func isTestFile(name string) bool {
	for _, extension := range []string{".tftest.hcl", ".tftest.json", ".tofutest.hcl", ".tofutest.json"} {
		if strings.HasSuffix(name, extension) {
			return true
		}
	}
	return false
}
