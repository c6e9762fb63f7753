"""A Matplotlib figure as data: for each of its axes the kind of chart, its names and its series."""

from typing import Any

MIME = "application/vnd.podflare.chart+json"
# A figure with more points than a person can tell apart is told by its picture alone.
MAX_POINTS = 20_000


def figure_forms(figure: Any, **_options: Any) -> dict[str, Any]:
    """For IPython's mimebundle formatter."""
    try:
        charts = [chart for chart in (_chart(axes) for axes in figure.axes) if chart["series"]]
    except Exception:  # a subclass of the user's, or a Matplotlib that is made otherwise
        return {}
    points = sum(len(series.get("x", series.get("values", ()))) for c in charts for series in c["series"])
    if not charts or points > MAX_POINTS:
        return {}
    return {MIME: {"title": _title(figure), "charts": charts}}


def _title(figure: Any) -> str:
    text = getattr(figure, "_suptitle", None)
    return text.get_text() if text is not None else ""


def _chart(axes: Any) -> dict[str, Any]:
    series = _bars(axes) + _pies(axes) + _lines(axes) + _points(axes)
    kinds = {one["type"] for one in series}
    return {
        "type": kinds.pop() if len(kinds) == 1 else "mixed",
        "title": axes.get_title(),
        "x": _axis(axes.xaxis, axes.get_xscale()),
        "y": _axis(axes.yaxis, axes.get_yscale()),
        "series": series,
    }


def _axis(axis: Any, scale: str) -> dict[str, Any]:
    return {"label": axis.get_label_text(), "scale": scale}


def _label(artist: Any) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else label


def _values(array: Any) -> list[Any]:
    """Numbers as JSON has them: what is none becomes null, dates and categories their text."""
    values = []
    for item in array:
        plain = item.item() if hasattr(item, "item") else item
        if isinstance(plain, float) and not plain - plain == 0:
            values.append(None)
        elif isinstance(plain, (int, float, str, bool)) or plain is None:
            values.append(plain)
        else:
            values.append(str(plain))
    return values


def _lines(axes: Any) -> list[dict[str, Any]]:
    return [
        {
            "type": "line",
            "label": _label(line),
            "x": _values(line.get_xdata(orig=True)),
            "y": _values(line.get_ydata(orig=True)),
        }
        for line in axes.lines
        if len(line.get_xdata()) > 0
    ]


def _points(axes: Any) -> list[dict[str, Any]]:
    found = []
    for collection in axes.collections:
        if type(collection).__name__ == "PathCollection":
            offsets = collection.get_offsets()
            found.append(
                {
                    "type": "scatter",
                    "label": _label(collection),
                    "x": _values([float(point[0]) for point in offsets]),
                    "y": _values([float(point[1]) for point in offsets]),
                }
            )
    return found


def _bars(axes: Any) -> list[dict[str, Any]]:
    found = []
    for container in axes.containers:
        if type(container).__name__ != "BarContainer":
            continue
        upright = getattr(container, "orientation", "vertical") != "horizontal"
        bars = container.patches
        places = [
            bar.get_x() + bar.get_width() / 2 if upright else bar.get_y() + bar.get_height() / 2
            for bar in bars
        ]
        lengths = [bar.get_height() if upright else bar.get_width() for bar in bars]
        names = _tick_names(axes.xaxis if upright else axes.yaxis, places)
        found.append(
            {
                "type": "bar" if upright else "barh",
                "label": _label(container),
                "x": names,
                "y": _values(lengths),
            }
        )
    return found


def _tick_names(axis: Any, places: list[float]) -> list[Any]:
    """The categories' names where the axis has some, else the places."""
    units = getattr(axis.units, "_mapping", None)
    if units:
        by_place = {float(place): name for name, place in units.items()}
        return [by_place.get(round(float(place), 6), float(place)) for place in places]
    return _values([float(place) for place in places])


def _pies(axes: Any) -> list[dict[str, Any]]:
    wedges = [patch for patch in axes.patches if type(patch).__name__ == "Wedge"]
    if not wedges:
        return []
    shares = [(wedge.theta2 - wedge.theta1) / 360 for wedge in wedges]
    labels = [_label(wedge) for wedge in wedges]
    return [{"type": "pie", "label": "", "labels": labels, "values": _values(shares)}]
