"""The OpenAPI documents that the gateway makes are valid OpenAPI 3.1, and sound where the schema cannot tell."""

import json
import os
import pathlib
import re
import subprocess

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

BUILD = pathlib.Path(os.environ.get("STRATUS_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
DESCRIPTORS = {
    "stratus": BUILD / "share" / "stratus.pb",
    "every-form": BUILD / "gateway" / "openapi" / "library.pb",
}
TOKEN_URL = "https://issuer.example/oauth2/token"


@pytest.fixture(params=[(name, url) for name in DESCRIPTORS for url in ("", TOKEN_URL)], ids=str)
def document(request):
    name, token_url = request.param
    command = [BUILD / "tests" / "openapi_dump", DESCRIPTORS[name], *([token_url] if token_url else [])]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_the_document_is_valid(document):
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_a_broken_document_is_found_invalid(document):
    _, _, operation = next(operations(document))
    del operation["responses"]["200"]["description"]
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) != []


def test_every_path_parameter_is_in_its_path_and_the_other_way_round(document):
    for path, method, operation in operations(document):
        declared = [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]
        assert sorted(declared) == sorted(re.findall(r"\{([^}]*)\}", path)), (method, path)


def test_every_security_requirement_names_a_scheme_and_its_scopes(document):
    schemes = document["components"]["securitySchemes"]
    for path, method, operation in operations(document):
        for requirement in operation["security"]:
            for scheme, scopes in requirement.items():
                assert scheme in schemes, (method, path)
                if schemes[scheme]["type"] == "oauth2":
                    assert set(scopes) <= set(schemes[scheme]["flows"]["clientCredentials"]["scopes"])
