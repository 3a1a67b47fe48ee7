# SPDX-License-Identifier: MIT
"""Reads a folder of TMDL by Microsoft's own library, as Power BI Desktop does, and prints the model as one JSON document;
exits with 1 and the reader's words when it is refused. With --dax, each line of standard input, a JSON text, is parsed as DAX,
with --m as M, and the ones that are refused are printed.

usage: build/powerbi-venv/bin/python tests/powerbi/read_model.py FOLDER | --dax | --m
"""

import importlib.util
import json
import os
import pathlib
import sys
import tempfile

RUNTIME = {"runtimeOptions": {"tfm": "net8.0", "framework": {"name": "Microsoft.NETCore.App", "version": "8.0.0"}}}


def folder_of(package):
    return pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])


def load():
    """The library's namespace."""
    os.environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"  # no ICU needed
    os.environ["DOTNET_EnableDiagnostics"] = "0"  # no sockets and files of its own
    from clr_loader import get_coreclr
    from pythonnet import set_runtime

    with tempfile.TemporaryDirectory() as temporary:
        config = pathlib.Path(temporary) / "runtimeconfig.json"
        config.write_text(json.dumps(RUNTIME), "ascii")
        set_runtime(get_coreclr(dotnet_root=str(folder_of("dnv") / "net/runtime/.net"), runtime_config=str(config)))
        import clr
    sys.path.append(str(folder_of("sempy") / "lib"))
    clr.AddReference("Microsoft.AnalysisServices.Tabular")
    import Microsoft.AnalysisServices.Tabular as tabular

    return tabular


def read(folder):
    tabular = load()
    try:
        database = tabular.TmdlSerializer.DeserializeDatabaseFromFolder(folder)
    except Exception as problem:  # the library's own kinds
        sys.exit("\n".join(str(problem).splitlines()[:6]))
    checked = database.Model.Validate()
    if checked.ContainsErrors:
        sys.exit("\n".join(str(one.Message) for one in checked.Errors))
    print(tabular.JsonSerializer.SerializeDatabase(database))


def refused(parse):
    for text in map(json.loads, sys.stdin):
        try:
            found = parse(text)
        except (AssertionError, ValueError):
            found = None
        if found is None:
            print(json.dumps(text))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] in ("--dax", "--m"):
        import pbi_parsers

        refused((pbi_parsers.dax if sys.argv[1] == "--dax" else pbi_parsers.pq).to_ast)
    else:
        read(sys.argv[1])


if __name__ == "__main__":
    main()
