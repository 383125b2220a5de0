package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// No tree of local modules that a person would write is larger.
const foldersMax = 200

const builtInPrefix = "terraform.io/builtin/"

var providerUsers = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "terraform"},
	{Type: "provider", LabelNames: []string{"name"}},
	{Type: "resource", LabelNames: []string{"type", "name"}},
	{Type: "data", LabelNames: []string{"type", "name"}},
	{Type: "module", LabelNames: []string{"name"}},
}}

// readTree gives the sources of the providers that a module and its local child modules need, those that are only
// implied by a resource's type among them: what can be told without init; what init resolves is what counts. And what
// is refused of any of these modules.
func readTree(root string) ([]string, hcl.Diagnostics) {
	tree := moduleTree{root: filepath.Clean(root), visited: map[string]bool{}, sources: map[string]bool{}}
	tree.walk(tree.root)
	for _, call := range testModuleCalls(tree.root) {
		tree.follow(tree.root, call)
	}
	sources := []string{}
	for source := range tree.sources {
		if !strings.HasPrefix(source, builtInPrefix) {
			sources = append(sources, source)
		}
	}
	slices.Sort(sources)
	return sources, tree.problems
}

type moduleTree struct {
	root     string
	visited  map[string]bool
	sources  map[string]bool
	problems hcl.Diagnostics
}

// follow reads the module that is called in a folder.
func (t *moduleTree) follow(folder string, call *hcl.Block) {
	child, problems := localChild(t.root, folder, call)
	t.problems = append(t.problems, problems...)
	if child == "" || t.visited[child] {
		return
	}
	if len(t.visited) >= foldersMax {
		t.problems = append(t.problems, refusal(call.DefRange, fmt.Sprintf("More than %d modules", foldersMax),
			"Make two modules of this one, or use fewer folders."))
		return
	}
	t.walk(child)
}

// walk leaves out what cannot be read: the reader of the root, or init, says what is wrong.
func (t *moduleTree) walk(folder string) {
	t.visited[folder] = true
	primary, override, err := configFiles(folder)
	if err != nil {
		return
	}
	required := map[string]string{"terraform": builtInPrefix + "terraform"}
	used := map[string]bool{}
	var calls hcl.Blocks
	for _, path := range append(primary, override...) {
		content := readBlocks(path, providerUsers)
		for _, block := range content {
			switch block.Type {
			case "terraform":
				t.problems = append(t.problems, refuseEncryption(block)...)
				for name, source := range requiredProviders(block) {
					required[name] = source
				}
			case "provider":
				used[block.Labels[0]] = true
			case "resource", "data":
				used[providerOfResource(block)] = true
			case "module":
				calls = append(calls, block)
			}
		}
	}
	for name, source := range required {
		if name != "terraform" {
			t.sources[source] = true
		}
	}
	for name := range used {
		if _, declared := required[name]; !declared {
			t.sources["hashicorp/"+name] = true
		}
	}
	for _, call := range calls {
		t.follow(folder, call)
	}
}

// providerOfResource is the local name: what `provider` says, else what stands before the first `_` of the type.
func providerOfResource(block *hcl.Block) string {
	if attribute := attributeOf(block, "provider"); attribute != nil {
		if traversal, diagnostics := hcl.AbsTraversalForExpr(attribute.Expr); !diagnostics.HasErrors() {
			return traversal.RootName()
		}
		if text, ok := literalText(attribute); ok {
			name, _, _ := strings.Cut(text, ".")
			return name
		}
	}
	name, _, _ := strings.Cut(block.Labels[0], "_")
	return name
}

func attributeOf(block *hcl.Block, name string) *hcl.Attribute {
	content, _, _ := block.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
	return content.Attributes[name]
}

func literalText(attribute *hcl.Attribute) (string, bool) {
	if attribute == nil {
		return "", false
	}
	// Not nil: without a context, a template in a JSON file is taken for the text that it is written as.
	value, diagnostics := attribute.Expr.Value(&hcl.EvalContext{})
	if diagnostics.HasErrors() || value.Type() != cty.String || value.IsNull() || !value.IsKnown() {
		return "", false
	}
	return value.AsString(), true
}

// requiredProviders gives source by local name.
func requiredProviders(terraform *hcl.Block) map[string]string {
	sources := map[string]string{}
	content, _, _ := terraform.Body.PartialContent(&hcl.BodySchema{
		Blocks: []hcl.BlockHeaderSchema{{Type: "required_providers"}}})
	for _, required := range content.Blocks {
		attributes, _ := required.Body.JustAttributes()
		for name, attribute := range attributes {
			sources[name] = providerSource(name, attribute)
		}
	}
	return sources
}

// providerSource is `digitalocean/digitalocean`; a provider without a source is one of HashiCorp's.
func providerSource(name string, attribute *hcl.Attribute) string {
	if value, diagnostics := attribute.Expr.Value(nil); !diagnostics.HasErrors() && value.Type().IsObjectType() &&
		value.Type().HasAttribute("source") && value.GetAttr("source").Type() == cty.String {
		return value.GetAttr("source").AsString()
	}
	// configuration_aliases holds references, which have no value here: read the source by itself.
	if pairs, diagnostics := hcl.ExprMap(attribute.Expr); !diagnostics.HasErrors() {
		for _, pair := range pairs {
			key, _ := pair.Key.Value(nil)
			if key.Type() == cty.String && key.IsKnown() && key.AsString() == "source" {
				if value, diagnostics := pair.Value.Value(nil); !diagnostics.HasErrors() && value.Type() == cty.String {
					return value.AsString()
				}
			}
		}
	}
	return "hashicorp/" + name
}
