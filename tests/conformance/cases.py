"""Every conformance case, in the order of docs/reference/conformance.md."""

from cases_http import ON_THE_WIRE
from cases_json import READ, WRITTEN
from cases_protocols import BODIES, ERRORS, HEADERS, LIMITS, PROTOCOLS, STREAMS
from cases_requests import METHODS, PATCH, PATHS, QUERY

GROUPS = (PATHS, METHODS, QUERY, READ, WRITTEN, PATCH, STREAMS, BODIES, ERRORS, HEADERS, LIMITS, PROTOCOLS, ON_THE_WIRE)
