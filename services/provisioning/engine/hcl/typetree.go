package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// TypeTree is a type constraint, one node a constructor.
type TypeTree struct {
	Kind       string               `json:"kind"`                 // string number bool any list set map object tuple
	Element    *TypeTree            `json:"element,omitempty"`    // list, set, map
	Elements   []*TypeTree          `json:"elements,omitempty"`   // tuple
	Attributes map[string]*Property `json:"attributes,omitempty"` // object
}

// Property is one attribute of an object type.
type Property struct {
	Type     *TypeTree       `json:"type"`
	Optional bool            `json:"optional,omitempty"`
	Default  json.RawMessage `json:"default,omitempty"` // of optional(type, default)
}

func newTypeTree(t cty.Type, defaults *typeexpr.Defaults) (*TypeTree, error) {
	switch {
	case t == cty.DynamicPseudoType:
		return &TypeTree{Kind: "any"}, nil
	case t == cty.String:
		return &TypeTree{Kind: "string"}, nil
	case t == cty.Number:
		return &TypeTree{Kind: "number"}, nil
	case t == cty.Bool:
		return &TypeTree{Kind: "bool"}, nil
	case t.IsCollectionType():
		return collectionTree(t, defaults)
	case t.IsTupleType():
		tree := &TypeTree{Kind: "tuple", Elements: []*TypeTree{}}
		for i, element := range t.TupleElementTypes() {
			child, err := newTypeTree(element, childDefaults(defaults, fmt.Sprint(i)))
			if err != nil {
				return nil, err
			}
			tree.Elements = append(tree.Elements, child)
		}
		return tree, nil
	case t.IsObjectType():
		return objectTree(t, defaults)
	}
	return nil, fmt.Errorf("%s has no JSON form", t.FriendlyName())
}

func collectionTree(t cty.Type, defaults *typeexpr.Defaults) (*TypeTree, error) {
	kind := "list"
	if t.IsSetType() {
		kind = "set"
	} else if t.IsMapType() {
		kind = "map"
	}
	// Defaults of a collection's elements stand under the empty key.
	element, err := newTypeTree(t.ElementType(), childDefaults(defaults, ""))
	return &TypeTree{Kind: kind, Element: element}, err
}

func objectTree(t cty.Type, defaults *typeexpr.Defaults) (*TypeTree, error) {
	tree := &TypeTree{Kind: "object", Attributes: map[string]*Property{}}
	for name, attribute := range t.AttributeTypes() {
		child, err := newTypeTree(attribute, childDefaults(defaults, name))
		if err != nil {
			return nil, err
		}
		property := &Property{Type: child, Optional: t.AttributeOptional(name)}
		if defaults != nil {
			if value, has := defaults.DefaultValues[name]; has && !value.IsNull() {
				if property.Default, err = ctyjson.Marshal(value, value.Type()); err != nil {
					return nil, err
				}
			}
		}
		tree.Attributes[name] = property
	}
	return tree, nil
}

func childDefaults(defaults *typeexpr.Defaults, key string) *typeexpr.Defaults {
	if defaults == nil {
		return nil
	}
	return defaults.Children[key]
}

// String is the type in Terraform's own spelling, without the defaults of optional attributes.
func (t *TypeTree) String() string {
	switch t.Kind {
	case "list", "set", "map":
		return t.Kind + "(" + t.Element.String() + ")"
	case "tuple":
		var elements []string
		for _, element := range t.Elements {
			elements = append(elements, element.String())
		}
		return "tuple([" + strings.Join(elements, ", ") + "])"
	case "object":
		var attributes []string
		for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
			property := t.Attributes[name]
			text := property.Type.String()
			if property.Optional {
				text = "optional(" + text + ")"
			}
			attributes = append(attributes, name+" = "+text)
		}
		return "object({ " + strings.Join(attributes, ", ") + " })"
	}
	return t.Kind
}

// takeDefaults takes the defaults of optional attributes out, and gives them.
func (t *TypeTree) takeDefaults() []json.RawMessage {
	var taken []json.RawMessage
	if t.Element != nil {
		taken = t.Element.takeDefaults()
	}
	for _, element := range t.Elements {
		taken = append(taken, element.takeDefaults()...)
	}
	for _, property := range t.Attributes {
		taken = append(taken, property.Type.takeDefaults()...)
		if property.Default != nil {
			taken = append(taken, property.Default)
			property.Default = nil
		}
	}
	return taken
}

// leaves gives the texts and numbers within a JSON value.
func leaves(encoded json.RawMessage) []string {
	if len(encoded) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	return appendLeaves(nil, value)
}

func appendLeaves(found []string, value any) []string {
	switch value := value.(type) {
	case string:
		return append(found, value)
	case json.Number:
		return append(found, value.String())
	case []any:
		for _, element := range value {
			found = appendLeaves(found, element)
		}
	case map[string]any:
		for _, element := range value {
			found = appendLeaves(found, element)
		}
	}
	return found
}
