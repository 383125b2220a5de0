"""Copies the files of Swagger UI that the gateway's /docs serves, from the PyPI package that carries them.

usage: fetch_swagger_ui.py OUTPUT_DIR

The package is flask-swagger-ui, which holds the distribution of swagger-ui unchanged; its Python code is not used (and
so not imported: Flask need not be there). Text files are laid beside a .gz of themselves, which the gateway sends to
browsers that take it.
"""

import gzip
import importlib.util
import pathlib
import shutil
import sys

PACKAGE = "flask_swagger_ui"
MAJOR_MIN = 5  # the first that knows OpenAPI 3.1
FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "LICENSE", "VERSION")
COMPRESSED = (".css", ".js")


def distribution():
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"fetch_swagger_ui: the Python package {PACKAGE} is missing: pip install -r scripts/requirements.txt")
    return pathlib.Path(spec.submodule_search_locations[0]) / "dist"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = distribution()
    version = (source / "VERSION").read_text().strip().lstrip("v")
    if int(version.split(".")[0]) < MAJOR_MIN:
        sys.exit(f"fetch_swagger_ui: Swagger UI {version} does not know OpenAPI 3.1: {MAJOR_MIN} or later is needed")
    output = pathlib.Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        target = output / name
        shutil.copyfile(source / name, target)
        if target.suffix in COMPRESSED:
            # No time stamp: the same files give the same bytes and the same ETags everywhere.
            (output / f"{name}.gz").write_bytes(gzip.compress(target.read_bytes(), 9, mtime=0))


if __name__ == "__main__":
    main()
