package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
)

// Module is what a folder of configuration files declares.
type Module struct {
	Variables []Variable `json:"variables"`
	Outputs   []Output   `json:"outputs"`
	Providers []string   `json:"providers"` // sources, of local child modules too, in order
	// Texts and numbers within the defaults of sensitive variables and of their types' optional attributes. Nothing else
	// here tells them.
	SecretDefaults []string  `json:"secret_defaults"`
	Errors         []Problem `json:"errors"`
}

// Variable is one `variable` block.
type Variable struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// As written, white space folded; "any" without one. Of a sensitive variable without the defaults within it.
	Type       string          `json:"type"`
	TypeTree   *TypeTree       `json:"type_tree"` // the same, parsed
	HasDefault bool            `json:"has_default"`
	Default    json.RawMessage `json:"default,omitempty"`
	Sensitive  bool            `json:"sensitive"`
	Nullable   bool            `json:"nullable"`
	Validated  bool            `json:"validated"` // it has validation blocks
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
}}

// ReadModule reads the configuration of a folder as OpenTofu does, override files included.
func ReadModule(folder string) (*Module, error) {
	primary, override, err := configFiles(folder)
	if err != nil {
		return nil, err
	}
	reader := moduleReader{folder: folder, parser: hclparse.NewParser(), declared: map[string]*declaration{}}
	providers, refused := readTree(folder)
	reader.module = Module{Variables: []Variable{}, Outputs: []Output{}, Providers: providers,
		SecretDefaults: []string{}, Errors: []Problem{}}
	reader.report(refused)
	for _, file := range primary {
		reader.readFile(file, reader.declare)
	}
	for _, file := range override {
		reader.readFile(file, reader.override)
	}
	names := slices.Sorted(maps.Keys(reader.declared))
	for _, name := range names {
		if declared := reader.declared[name]; declared.block.Type == "variable" {
			reader.readVariable(declared)
		} else {
			reader.readOutput(declared)
		}
	}
	return &reader.module, nil
}

// declaration is a `variable` or `output` block with what override files have changed.
type declaration struct {
	block      *hcl.Block
	attributes hcl.Attributes
	validated  bool
}

var declarationSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{
		{Name: "description"}, {Name: "type"}, {Name: "default"}, {Name: "sensitive"}, {Name: "nullable"}},
	Blocks: []hcl.BlockHeaderSchema{{Type: "validation"}},
}

type moduleReader struct {
	folder   string
	parser   *hclparse.Parser
	declared map[string]*declaration // by `variable.NAME`, `output.NAME`
	module   Module
}

func (r *moduleReader) readFile(path string, take func(*declaration)) {
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
		parts, _, diagnostics := block.Body.PartialContent(declarationSchema)
		r.report(diagnostics)
		take(&declaration{block: block, attributes: parts.Attributes, validated: len(parts.Blocks) > 0})
	}
}

// declare reports a second declaration of one name as an error.
func (r *moduleReader) declare(found *declaration) {
	key := found.block.Type + "." + found.block.Labels[0]
	if first, again := r.declared[key]; again {
		where := first.block.DefRange
		r.report(hcl.Diagnostics{{Severity: hcl.DiagError,
			Summary: fmt.Sprintf("Duplicate %s %q", found.block.Type, found.block.Labels[0]),
			Detail:  fmt.Sprintf("It is already declared at %s:%d.", r.relative(where.Filename), where.Start.Line),
			Subject: &found.block.DefRange}})
		return
	}
	r.declared[key] = found
}

// override puts what the block says in the place of what was declared, attribute by attribute.
func (r *moduleReader) override(found *declaration) {
	declared := r.declared[found.block.Type+"."+found.block.Labels[0]]
	if declared == nil {
		r.report(hcl.Diagnostics{{Severity: hcl.DiagError,
			Summary: fmt.Sprintf("Missing base %s declaration to override", found.block.Type),
			Detail:  fmt.Sprintf("There is no %s named %q.", found.block.Type, found.block.Labels[0]),
			Subject: &found.block.DefRange}})
		return
	}
	maps.Copy(declared.attributes, found.attributes)
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

func (r *moduleReader) readOutput(declared *declaration) {
	r.module.Outputs = append(r.module.Outputs, Output{
		Name:        declared.block.Labels[0],
		Description: r.text(declared.attributes["description"]),
		Sensitive:   r.boolean(declared.attributes["sensitive"], false),
	})
}

// readBlocks gives the blocks of a file; none of one that cannot be read.
func readBlocks(path string, schema *hcl.BodySchema) hcl.Blocks {
	parser := hclparse.NewParser()
	parse := parser.ParseHCLFile
	if strings.HasSuffix(path, ".json") {
		parse = parser.ParseJSONFile
	}
	file, _ := parse(path)
	if file == nil {
		return nil
	}
	content, _, _ := file.Body.PartialContent(schema)
	return content.Blocks
}
