"""What the gateway serves beside the API: its document, and the files of /docs."""

import gzip

from openapi_spec_validator import OpenAPIV31SpecValidator


def test_the_served_document_is_valid_and_needs_no_token(gateway):
    reply = gateway.call("/openapi.json")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("application/json")
    document = reply.json()
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    today = document["paths"]["/v1/weather:today"]["get"]
    assert {"bearerAuth": ["stratus/weather.read"]} in today["security"]
    assert today["operationId"] == "WeatherService_GetTodayWeather"


def test_every_get_without_path_parameters_exists(gateway, token):
    """The document promises only what is served: no 404 for a path, no 405."""
    for path, item in gateway.call("/openapi.json").json()["paths"].items():
        if "get" not in item or "{" in path or item["get"]["responses"]["200"]["content"].get("text/event-stream"):
            continue
        assert gateway.call(path, token).status not in (404, 405, 501), path


def test_docs_are_served_with_a_strict_policy_and_etags(gateway):
    page = gateway.call("/docs")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert gateway.call("/docs", headers={"If-None-Match": page.headers["etag"]}).status == 304


def test_docs_are_compressed_for_those_who_take_it(gateway):
    plain = gateway.call("/docs/swagger-ui-bundle.js")
    compressed = gateway.call("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "gzip"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(compressed.body) == plain.body
    assert len(compressed.body) * 3 < len(plain.body)


def test_what_is_no_page_of_docs_is_404(gateway):
    for path in ("/docs/nothing", "/docs/../etc/passwd", "/docs//"):
        assert gateway.call(path).status == 404, path
