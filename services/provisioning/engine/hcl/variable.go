package main

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

func (r *moduleReader) readVariable(declared *declaration) {
	variable := Variable{
		Name:        declared.block.Labels[0],
		Description: r.text(declared.attributes["description"]),
		Sensitive:   r.boolean(declared.attributes["sensitive"], false),
		Nullable:    r.boolean(declared.attributes["nullable"], true),
		Validated:   declared.validated,
		Type:        "any",
	}
	constraint := cty.DynamicPseudoType
	var defaults *typeexpr.Defaults
	if attribute := declared.attributes["type"]; attribute != nil {
		var diagnostics hcl.Diagnostics
		constraint, defaults, diagnostics = typeexpr.TypeConstraintWithDefaults(attribute.Expr)
		r.report(diagnostics)
		if diagnostics.HasErrors() {
			return
		}
		variable.Type = r.source(attribute.Expr.Range())
	}
	tree, err := newTypeTree(constraint, defaults)
	if err != nil {
		r.fail(declared.block.DefRange, "Unsupported type", err)
		return
	}
	variable.TypeTree = tree
	if attribute := declared.attributes["default"]; attribute != nil {
		r.readDefault(&variable, attribute, constraint, defaults)
	}
	if variable.Sensitive {
		r.hideDefaults(&variable)
	}
	r.module.Variables = append(r.module.Variables, variable)
}

// hideDefaults takes the values that a sensitive variable has in the module itself out of what is shown of it.
func (r *moduleReader) hideDefaults(variable *Variable) {
	secrets := append(variable.TypeTree.takeDefaults(), variable.Default)
	variable.Default = nil
	variable.Type = variable.TypeTree.String()
	for _, secret := range secrets {
		r.module.SecretDefaults = append(r.module.SecretDefaults, leaves(secret)...)
	}
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
	text := string(where.SliceBytes(file.Bytes))
	if strings.HasSuffix(where.Filename, ".json") {
		text = strings.Trim(text, `"`) // there a type is the text within a string
	}
	return strings.Join(strings.Fields(text), " ")
}
