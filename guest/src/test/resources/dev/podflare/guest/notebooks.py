"""Notebooks of real packages, and what a real ipykernel makes of them.

Usage: notebooks.py FOLDER SET, where SET is `usual` or `long`. Source archives are kept in FOLDER. Writes to standard
output one JSON document a line: name, cwd and cells, each with its source and its outputs as nbformat has them.
"""

import doctest
import importlib
import json
import os
import re
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor

import nbformat
from nbclient import NotebookClient

SOURCES = {"nbclient": "0.11.0", "ipython": "9.18.1", "matplotlib": "3.11.2"}
# Without those that need widgets, a user at the keyboard, a kernel that dies, a partner, or the insides of ipykernel.
NBCLIENT = [
    "Clear Output", "Empty Cell", "Error", "Factorials", "HelloWorld", "Inline Image", "SVG", "Skip Exceptions",
    "Unicode", "UnicodePy3",
]
GALLERY = {
    "usual": [
        "lines_bars_and_markers/barchart", "lines_bars_and_markers/barh", "lines_bars_and_markers/stem_plot",
        "lines_bars_and_markers/scatter_with_legend", "lines_bars_and_markers/stairs_demo",
        "pie_and_polar_charts/pie_features", "statistics/boxplot_color", "images_contours_and_fields/image_masked",
    ],
    "long": ["lines_bars_and_markers", "pie_and_polar_charts", "statistics", "images_contours_and_fields"],
}
# It is drawn otherwise in each process.
UNSTEADY = ["plot_streamplot.py"]
PANDAS = {
    "usual": [
        "DataFrame", "DataFrame.melt", "DataFrame.merge", "DataFrame.pivot_table", "DataFrame.groupby",
        "DataFrame.sort_values", "DataFrame.fillna", "DataFrame.apply", "DataFrame.explode", "Series.map",
        "Series.value_counts", "cut", "get_dummies", "date_range", "concat", "crosstab",
    ],
    "long": ["DataFrame.", "Series."],
}
IPYTHON = ["IPython/testing/plugin/test_exampleip.txt"]


def download(folder):
    """With pip's own finder and session: `pip download` would have to build what it downloads."""
    from pip._internal.commands.download import DownloadCommand
    from pip._vendor.packaging.specifiers import SpecifierSet

    missing = {n: v for n, v in SOURCES.items() if not os.path.isdir(f"{folder}/{n}-{v}")}
    command = DownloadCommand("download", "")
    options, _ = command.parse_args(["--no-binary", ":all:", "x"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)
        for name, version in missing.items():
            best = finder.find_best_candidate(name, SpecifierSet("==" + version)).best_candidate
            answer = session.get(best.link.url_without_fragment, timeout=120)
            answer.raise_for_status()
            path = f"{folder}/{name}.tar.gz"
            with open(path, "wb") as out:
                out.write(answer.content)
            with tarfile.open(path) as archive:
                archive.extractall(f"{folder}/.{name}", filter="data")
            os.rename(f"{folder}/.{name}/{name}-{version}", f"{folder}/{name}-{version}")
            os.unlink(path)


def of_nbclient(root):
    for name in NBCLIENT:
        path = f"{root}/tests/files/{name}.ipynb"
        cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        yield f"nbclient: {name}", os.path.dirname(path), cells


def of_gallery(root, names):
    """Scripts with cells between lines of `# %%`, as Sphinx-Gallery and editors read them."""
    for name in names:
        path = f"{root}/galleries/examples/{name}"
        files = [f"{path}.py"] if os.path.exists(f"{path}.py") else sorted(
            f"{path}/{file}" for file in os.listdir(path) if file.endswith(".py") and file not in UNSTEADY)
        cells = []
        for file in files:
            with open(file, encoding="utf-8") as text:
                parts = re.split(r"^# %%.*$", text.read(), flags=re.MULTILINE)
            cells += ["import numpy as np; np.random.seed(1)", *parts]
        yield f"matplotlib: {name}", root, cells


def of_docstrings(names):
    import pandas

    finder, parser = doctest.DocTestFinder(recurse=False), doctest.DocTestParser()
    for name in names:
        if name.endswith("."):
            kind = getattr(pandas, name[:-1])
            found = [name + each for each in sorted(dir(kind)) if not each.startswith("_")]
        else:
            found = [name]
        cells = ["import numpy as np\nimport pandas as pd"]
        for one in found:
            value = pandas
            for part in one.split("."):
                value = getattr(value, part)
            examples = parser.get_examples(getattr(value, "__doc__", None) or "")
            usable = [it.source for it in examples if not re.search(r"(read|to)_\w+\(|plot|hist\(|\.info\(|open\(", it.source)]
            cells += ["np.random.seed(1)", *usable] if usable else []
        yield f"pandas: {name}", "/", cells


def of_sessions(root):
    """Texts with `In [1]:` prompts."""
    for name in IPYTHON:
        with open(f"{root}/{name}", encoding="utf-8") as text:
            cells = re.findall(r"In \[\d+\]: (.*)", text.read())
        yield f"ipython: {name}", "/", cells


def run(notebook):
    name, cwd, cells = notebook
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        made, timeout=120, kernel_name="python3", allow_errors=True, store_widget_state=False,
        resources={"metadata": {"path": cwd}})
    client.execute()
    done = [{"source": cell.source, "outputs": cell.outputs} for cell in made.cells]
    return json.dumps({"name": name, "cwd": cwd, "cells": done})


def grouped(name, notebooks):
    """One kernel for all of them."""
    all_of = list(notebooks)
    return name, all_of[0][1], [cell for _, _, cells in all_of for cell in cells]


def main(folder, size):
    os.makedirs(folder, exist_ok=True)
    download(folder)
    roots = {name: f"{folder}/{name}-{version}" for name, version in SOURCES.items()}
    notebooks = [
        grouped("matplotlib's gallery", of_gallery(roots["matplotlib"], GALLERY[size])),
        grouped("pandas' docstrings", of_docstrings(PANDAS[size])),
    ]
    if size == "usual":
        notebooks += [*of_sessions(roots["ipython"]), *of_nbclient(roots["nbclient"])]
    with ThreadPoolExecutor(2) as pool:
        for line in pool.map(run, notebooks):
            print(line, flush=True)


main(sys.argv[1], sys.argv[2])
