package main

import (
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

// treeProviders gives the sources of the providers that a module and its local child modules need, those that are only
// implied by a resource's type among them. It is what can be told without init; what init resolves is what counts.
func treeProviders(root string) []string {
	tree := providerTree{root: filepath.Clean(root), visited: map[string]bool{}, sources: map[string]bool{}}
	tree.walk(tree.root)
	sources := []string{}
	for source := range tree.sources {
		if !strings.HasPrefix(source, builtInPrefix) {
			sources = append(sources, source)
		}
	}
	slices.Sort(sources)
	return sources
}

type providerTree struct {
	root    string
	visited map[string]bool
	sources map[string]bool
}

// walk leaves out what cannot be read: the reader of the root, or init, says what is wrong.
func (t *providerTree) walk(folder string) {
	if t.visited[folder] || len(t.visited) >= foldersMax {
		return
	}
	t.visited[folder] = true
	primary, override, err := configFiles(folder)
	if err != nil {
		return
	}
	required := map[string]string{"terraform": builtInPrefix + "terraform"}
	used := map[string]bool{}
	var children []string
	for _, path := range append(primary, override...) {
		content := readBlocks(path, providerUsers)
		for _, block := range content {
			switch block.Type {
			case "terraform":
				for name, source := range requiredProviders(block) {
					required[name] = source
				}
			case "provider":
				used[block.Labels[0]] = true
			case "resource", "data":
				used[providerOfResource(block)] = true
			case "module":
				if child, ok := t.childFolder(folder, block); ok {
					children = append(children, child)
				}
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
	for _, child := range children {
		t.walk(child)
	}
}

// childFolder is where a module call with a local source leads, within the root.
func (t *providerTree) childFolder(folder string, block *hcl.Block) (string, bool) {
	source, ok := literalText(attributeOf(block, "source"))
	if !ok || !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		return "", false
	}
	child := filepath.Join(folder, source)
	return child, child == t.root || strings.HasPrefix(child, t.root+string(filepath.Separator))
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
	value, diagnostics := attribute.Expr.Value(nil)
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
