package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
)

// Module is what a folder of .tf files declares.
type Module struct {
	Variables []Variable        `json:"variables"`
	Outputs   []Output          `json:"outputs"`
	Providers map[string]string `json:"providers"` // source by local name
	Errors    []Problem         `json:"errors"`
}

// Variable is one `variable` block.
type Variable struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Type        string          `json:"type"`      // as written, white space folded; "any" without one
	TypeTree    *TypeTree       `json:"type_tree"` // the same, parsed
	HasDefault  bool            `json:"has_default"`
	Default     json.RawMessage `json:"default,omitempty"`
	Sensitive   bool            `json:"sensitive"`
	Nullable    bool            `json:"nullable"`
	Validated   bool            `json:"validated"` // it has validation blocks
}

// Output is one `output` block.
type Output struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Sensitive   bool   `json:"sensitive"`
}

// Problem is an error in the module's files.
type Problem struct {
	File    string `json:"file"` // relative to the folder
	Line    int    `json:"line"`
	Message string `json:"message"`
}

var rootSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "variable", LabelNames: []string{"name"}},
	{Type: "output", LabelNames: []string{"name"}},
	{Type: "terraform"},
}}

// ReadModule reads the .tf and .tf.json files of a folder, without override files.
func ReadModule(folder string) (*Module, error) {
	files, err := configFiles(folder)
	if err != nil {
		return nil, err
	}
	reader := moduleReader{folder: folder, parser: hclparse.NewParser(), seen: map[string]string{}}
	reader.module = Module{Variables: []Variable{}, Outputs: []Output{}, Providers: map[string]string{}, Errors: []Problem{}}
	for _, file := range files {
		reader.readFile(file)
	}
	module := &reader.module
	sort.Slice(module.Variables, func(i, j int) bool { return module.Variables[i].Name < module.Variables[j].Name })
	sort.Slice(module.Outputs, func(i, j int) bool { return module.Outputs[i].Name < module.Outputs[j].Name })
	return module, nil
}

func configFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() && (strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tf.json")) && !isOverride(name) {
			files = append(files, filepath.Join(folder, name))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no .tf file", folder)
	}
	return files, nil
}

// isOverride tells the files that amend declarations made elsewhere; they are for people's local use, not for interfaces.
func isOverride(name string) bool {
	stem := strings.TrimSuffix(strings.TrimSuffix(name, ".json"), ".tf")
	return stem == "override" || strings.HasSuffix(stem, "_override")
}

type moduleReader struct {
	folder string
	parser *hclparse.Parser
	seen   map[string]string // "variable.name" to where it was declared
	module Module
}

func (r *moduleReader) readFile(path string) {
	var file *hcl.File
	var diagnostics hcl.Diagnostics
	if strings.HasSuffix(path, ".json") {
		file, diagnostics = r.parser.ParseJSONFile(path)
	} else {
		file, diagnostics = r.parser.ParseHCLFile(path)
	}
	r.report(diagnostics)
	if file == nil || diagnostics.HasErrors() {
		return
	}
	content, _, diagnostics := file.Body.PartialContent(rootSchema)
	r.report(diagnostics)
	for _, block := range content.Blocks {
		switch block.Type {
		case "variable":
			if r.first(block) {
				r.readVariable(block)
			}
		case "output":
			if r.first(block) {
				r.readOutput(block)
			}
		case "terraform":
			r.readTerraform(block)
		}
	}
}

// first reports a second declaration of one name as an error.
func (r *moduleReader) first(block *hcl.Block) bool {
	key := block.Type + "." + block.Labels[0]
	if where, again := r.seen[key]; again {
		r.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: fmt.Sprintf("Duplicate %s %q", block.Type, block.Labels[0]),
			Detail: "It is already declared at " + where + ".", Subject: &block.DefRange}})
		return false
	}
	r.seen[key] = fmt.Sprintf("%s:%d", r.relative(block.DefRange.Filename), block.DefRange.Start.Line)
	return true
}

func (r *moduleReader) report(diagnostics hcl.Diagnostics) {
	for _, diagnostic := range diagnostics {
		if diagnostic.Severity != hcl.DiagError {
			continue
		}
		problem := Problem{Message: diagnostic.Summary}
		if diagnostic.Detail != "" {
			problem.Message += ": " + diagnostic.Detail
		}
		if diagnostic.Subject != nil {
			problem.File, problem.Line = r.relative(diagnostic.Subject.Filename), diagnostic.Subject.Start.Line
		}
		r.module.Errors = append(r.module.Errors, problem)
	}
}

func (r *moduleReader) relative(file string) string {
	if relative, err := filepath.Rel(r.folder, file); err == nil {
		return relative
	}
	return file
}

func (r *moduleReader) readOutput(block *hcl.Block) {
	content, _, diagnostics := block.Body.PartialContent(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "description"}, {Name: "sensitive"}}})
	r.report(diagnostics)
	r.module.Outputs = append(r.module.Outputs, Output{
		Name:        block.Labels[0],
		Description: r.text(content.Attributes["description"]),
		Sensitive:   r.boolean(content.Attributes["sensitive"], false),
	})
}

func (r *moduleReader) readTerraform(block *hcl.Block) {
	content, _, diagnostics := block.Body.PartialContent(&hcl.BodySchema{
		Blocks: []hcl.BlockHeaderSchema{{Type: "required_providers"}}})
	r.report(diagnostics)
	for _, required := range content.Blocks {
		attributes, diagnostics := required.Body.JustAttributes()
		r.report(diagnostics)
		for name, attribute := range attributes {
			r.module.Providers[name] = providerSource(name, attribute)
		}
	}
}
