package main

import (
	"encoding/json"
	"fmt"

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
