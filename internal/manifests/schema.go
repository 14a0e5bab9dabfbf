package manifests

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/config/crd"
)

// rules are what the API server holds objects of one kind against.
type rules struct {
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
	cel        *cel.Validator
}

// kinds are the rules of the kinds, by kind. The expressions in them are compiled once.
var kinds = sync.OnceValues(func() (map[string]rules, error) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		return nil, err
	}
	all := map[string]rules{}
	for _, file := range files {
		text, err := crd.Bases.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var d apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if all[d.Spec.Names.Kind], err = rulesOf(&d); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return all, nil
})

func rulesOf(d *apiextensionsv1.CustomResourceDefinition) (r rules, err error) {
	for _, version := range d.Spec.Versions {
		if version.Name != v1alpha1.GroupVersion.Version {
			continue
		}
		var props apiextensions.JSONSchemaProps
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, &props, nil); err != nil {
			return r, err
		}
		if r.structural, err = structuralschema.NewStructural(&props); err != nil {
			return r, err
		}
		if r.schema, _, err = validation.NewSchemaValidator(&props); err != nil {
			return r, err
		}
		r.cel = cel.NewValidator(r.structural, true, math.MaxInt64) // the API server has a limit, and took the rules under it
		return r, nil
	}
	return r, fmt.Errorf("there is no version %s", v1alpha1.GroupVersion.Version)
}

// complete fills defaults in, and refuses fields that there are not. A key with nothing behind it that has no default stays for
// check to refuse: kubectl apply, on the client's side and on the server's, does not let it through as creating does.
func (r rules) complete(object map[string]any) error {
	unknown := pruning.PruneWithOptions(object, r.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	if len(unknown) > 0 {
		return fmt.Errorf("there is no field %s", strings.Join(unknown, ", "))
	}
	defaulting.Default(object, r.structural)
	return nil
}

// check says what the API server would have against the object; old is the one that is there, nil for none.
func (r rules) check(ctx context.Context, object, old map[string]any) error {
	var before any
	var found field.ErrorList
	if old != nil {
		before = old
		found = validation.ValidateCustomResourceUpdate(nil, object, old, r.schema)
	} else {
		found = validation.ValidateCustomResource(nil, object, r.schema)
	}
	found = append(found, listtype.ValidateListSetsAndMaps(nil, r.structural, object)...)
	if len(found) == 0 { // the rules may trust the schema
		found, _ = r.cel.Validate(ctx, nil, r.structural, object, before, math.MaxInt64)
	}
	if len(found) == 0 {
		return nil
	}
	return found.ToAggregate()
}
