"""From what was measured to a page: bench/results/DATE.json becomes DATE.md."""
from . import capacity, pipeline, publishing, soak, upload
from .scenarios import SCENARIOS

# name, title and (key, heading, target) of what has no limit to be compared with
OTHERS = {
    "publish": ("One event through the publish script", publishing.COLUMNS),
    "pipeline": (f"Pipeline: upload, spool, queue, extraction, events ({len(pipeline.SAMPLES)} sample CVs over and over)", pipeline.COLUMNS),
    "upload": (f"{upload.PARALLEL} uploads of {upload.BYTES // 1000000} MB at once, to the disk (both cores are everybody's)", upload.COLUMNS),
    "soak": (f"Soak: {soak.CONNECTIONS:,} connections, {soak.CHURN} of them a second cut and back, events to all", soak.COLUMNS),
}
NAMES = [*SCENARIOS, *OTHERS]


def title_of(name):
    return SCENARIOS[name].title if name in SCENARIOS else OTHERS[name][0]


def columns_of(name):
    return SCENARIOS[name].columns if name in SCENARIOS else OTHERS[name][1]


def number(value):
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"


def verdict(target, value, limit):
    if target is None:
        return "–"
    how, wanted = target
    if how == "x":
        reached, text = value <= wanted * limit, f"≤ {wanted:g} × limit"
    elif how == ">=":
        reached, text = value >= wanted, f"≥ {wanted:,g}"
    elif how == "<=":
        reached, text = value <= wanted, f"≤ {wanted:g}"
    else:
        reached, text = value < wanted, f"< {wanted:g}"
    return f"{text}: {'reached' if reached else '**missed**'}"


def table(name, servers):
    """One row a column of the scenario, one column a server; ratio and target are those of cvpulse."""
    mine, limit = servers.get("cvpulse"), servers.get("limit")
    head = [*servers, *(["ratio"] if mine and limit else []), *(["target"] if mine else [])]
    lines = [f"| | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for key, heading, target in columns_of(name):
        cells = [number(medians[key]) if key in medians else "–" for medians in servers.values()]
        if mine and limit:
            cells.append(f"{mine[key] / limit[key]:.2f}" if limit[key] else "–")
        if mine:
            cells.append(verdict(target, mine[key], limit[key] if limit else None))
        lines.append(f"| {heading} | {' | '.join(cells)} |")
    return lines


def page(date, measured):
    lines = [f"# Speed and memory, {date}", "", "Written by `bench/run --save`. The server under test has CPU 0, Redis and the load generator have CPU 1.",
             "`limit` is a bare epoll server that only forwards; ratios are to it, in the same run.", ""]
    for name in NAMES:
        if name in measured:
            m = measured[name]
            lines += [f"## {title_of(name)}", "", *table(name, m["servers"]), "", f"`{name}`: {m['about']}.", ""]
    return "\n".join(lines + capacity.lines(measured))
