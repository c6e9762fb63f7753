"""What a value looks like: mime types and their text, by IPython's display protocol.

Binary forms are base64, JSON ones are JSON text. Where there is no IPython, an object's own `_repr_*_` methods are
asked, which is the heart of the protocol.
"""

import base64
import json
from typing import Any

# One value with all its forms; of a larger one the largest forms are left out.
MAX_VALUE = 8 << 20
MAX_TEXT = 1 << 20
JSON_MIMES = ("application/json", "+json")

_PLAIN = frozenset((int, float, bool, complex, str, bytes, type(None)))
_SMALL = frozenset((list, tuple, dict))
_LINE = 79
_METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_pdf_": "application/pdf",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
    "_repr_javascript_": "application/javascript",
}


def is_plain(value: Any) -> bool:
    """Whether its `repr` is all that there is to say, and what IPython would say too."""
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind not in _SMALL or len(value) > 8:
        return False
    items = [*value.keys(), *value.values()] if kind is dict else value
    return all(type(item) in _PLAIN for item in items) and len(repr(value)) < _LINE


def own_forms(value: Any) -> dict[str, Any]:
    """Without IPython: what the object says of itself."""
    forms: dict[str, Any] = {"text/plain": repr(value)}
    if isinstance(value, type):
        return forms
    bundle = _ask(value, "_repr_mimebundle_")
    if isinstance(bundle, tuple):
        bundle = bundle[0]
    if isinstance(bundle, dict):
        forms.update(bundle)
    for method, mime in _METHODS.items():
        form = _ask(value, method)
        if isinstance(form, tuple):
            form = form[0]
        if form is not None:
            forms.setdefault(mime, form)
    return forms


def _ask(value: Any, method: str) -> Any:
    try:
        function = getattr(value, method, None)
        return function() if callable(function) else None
    except Exception:
        return None


def message(kind: str, forms: dict[str, Any], name: str | None = None) -> bytes:
    """The value as it goes to the host; `name` is the display's, to update it by."""
    texts = {str(mime): _text(str(mime), form) for mime, form in forms.items() if form is not None}
    while True:
        body: dict[str, Any] = {"kind": kind, "data": texts}
        if name:
            body["id"] = name
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
        if len(data) <= MAX_VALUE:
            return data
        largest = max(texts, key=lambda mime: len(texts[mime]))
        if largest == "text/plain":
            texts[largest] = texts[largest][: len(texts[largest]) // 2]
        else:
            del texts[largest]


def _text(mime: str, form: Any) -> str:
    if isinstance(form, (bytes, bytearray)):
        return base64.b64encode(form).decode("ascii")
    if mime.endswith(JSON_MIMES):
        return json.dumps(form, default=str)
    text = form if isinstance(form, str) else str(form)
    return text[:MAX_TEXT] if mime == "text/plain" else text


def error_message(error: BaseException) -> bytes:
    """Name, value and frames of an error, innermost last."""
    import traceback

    frames = [
        {
            "file": frame.filename,
            "line": frame.lineno or 0,
            "function": frame.name,
            "source": frame.line or "",
        }
        for frame in traceback.extract_tb(error.__traceback__)[-50:]
    ]
    try:
        value = str(error)
    except Exception:
        value = ""
    body = {"name": type(error).__name__, "value": value[:MAX_TEXT], "frames": frames}
    return message("error", {"application/json": body})
