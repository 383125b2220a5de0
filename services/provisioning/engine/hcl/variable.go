package main

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

var variableSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{
		{Name: "description"}, {Name: "type"}, {Name: "default"}, {Name: "sensitive"}, {Name: "nullable"}},
	Blocks: []hcl.BlockHeaderSchema{{Type: "validation"}},
}

func (r *moduleReader) readVariable(block *hcl.Block) {
	content, _, diagnostics := block.Body.PartialContent(variableSchema)
	r.report(diagnostics)
	variable := Variable{
		Name:        block.Labels[0],
		Description: r.text(content.Attributes["description"]),
		Sensitive:   r.boolean(content.Attributes["sensitive"], false),
		Nullable:    r.boolean(content.Attributes["nullable"], true),
		Validated:   len(content.Blocks) > 0,
		Type:        "any",
	}
	constraint := cty.DynamicPseudoType
	var defaults *typeexpr.Defaults
	if attribute := content.Attributes["type"]; attribute != nil {
		constraint, defaults, diagnostics = typeexpr.TypeConstraintWithDefaults(attribute.Expr)
		r.report(diagnostics)
		if diagnostics.HasErrors() {
			return
		}
		variable.Type = r.source(attribute.Expr.Range())
	}
	tree, err := newTypeTree(constraint, defaults)
	if err != nil {
		r.fail(block.DefRange, "Unsupported type", err)
		return
	}
	variable.TypeTree = tree
	if attribute := content.Attributes["default"]; attribute != nil {
		r.readDefault(&variable, attribute, constraint, defaults)
	}
	r.module.Variables = append(r.module.Variables, variable)
}

// readDefault gives the default as the module would see it: converted, with the defaults of optional attributes in it.
func (r *moduleReader) readDefault(variable *Variable, attribute *hcl.Attribute, constraint cty.Type,
	defaults *typeexpr.Defaults) {
	value, diagnostics := attribute.Expr.Value(nil)
	r.report(diagnostics)
	if diagnostics.HasErrors() {
		return
	}
	if defaults != nil && !value.IsNull() {
		value = defaults.Apply(value)
	}
	value, err := convert.Convert(value, constraint)
	if err != nil {
		r.fail(attribute.Expr.Range(), "Invalid default value for variable", err)
		return
	}
	variable.HasDefault = true
	// Encoded by its own type: a constraint of `any` would wrap it in {"value", "type"}.
	encoded, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		r.fail(attribute.Expr.Range(), "Invalid default value for variable", err)
		return
	}
	variable.Default = encoded
}

func (r *moduleReader) fail(where hcl.Range, summary string, err error) {
	r.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: err.Error(), Subject: &where}})
}

func (r *moduleReader) text(attribute *hcl.Attribute) string {
	if attribute == nil {
		return ""
	}
	value, diagnostics := attribute.Expr.Value(nil)
	r.report(diagnostics)
	if diagnostics.HasErrors() || value.IsNull() || value.Type() != cty.String {
		return ""
	}
	return value.AsString()
}

func (r *moduleReader) boolean(attribute *hcl.Attribute, fallback bool) bool {
	if attribute == nil {
		return fallback
	}
	value, diagnostics := attribute.Expr.Value(nil)
	r.report(diagnostics)
	if diagnostics.HasErrors() {
		return fallback
	}
	value, err := convert.Convert(value, cty.Bool)
	if err != nil || value.IsNull() {
		return fallback
	}
	return value.True()
}

// source is an expression as written, with white space folded to one blank.
func (r *moduleReader) source(where hcl.Range) string {
	file := r.parser.Files()[where.Filename]
	if file == nil || !where.CanSliceBytes(file.Bytes) {
		return "any"
	}
	return strings.Join(strings.Fields(string(where.SliceBytes(file.Bytes))), " ")
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
