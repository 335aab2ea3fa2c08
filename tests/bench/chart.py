"""Draws a comparison: a bar for each row, ours in one colour and the others in another, and the floors as lines."""

import html

OURS, THEIRS, FLOOR, GREY, INK = "#2563eb", "#94a3b8", "#dc2626", "#475569", "#0f172a"
WIDTH, LEFT, RIGHT, TOP, ROW = 860, 300, 720, 64, 26


def write_chart(path, title, values):
    rows = sorted(values["step_ms"].items(), key=lambda row: row[1]["median"])
    rest = [row[1]["median"] for row in rows[:-1]]
    # A bar that would dwarf all others is cut off; its number is at its end.
    most = max(value for _, result in rows for value in [result["median"]] if not rest or value <= 2 * max(rest)) if rows else 1
    height = TOP + ROW * len(rows) + 40
    scale = lambda value: LEFT + (RIGHT - LEFT) * min(value / most, 1)  # noqa: E731
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">',
             f"<style>text{{font:13px system-ui,sans-serif;fill:{GREY}}}.t{{font-size:16px;fill:{INK}}}.n{{text-anchor:end}}"
             ".v{paint-order:stroke;stroke:#fff;stroke-width:5}</style>",
             f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>', f'<text class="t" x="20" y="28">{html.escape(title)}: ms</text>']
    numbers = []  # drawn last: where a floor's line would run through one, it ends at the number's white edge
    for index, (name, result) in enumerate(rows):
        y, end = TOP + ROW * index, scale(result["median"])
        lines.append(f'<text class="n" x="{LEFT - 10}" y="{y + 16}">{html.escape(name)}</text>')
        lines.append(f'<rect x="{LEFT}" y="{y + 4}" width="{end - LEFT:.1f}" height="{ROW - 8}" fill="{OURS if result["ours"] else THEIRS}"/>')
        cut = " (bar cut)" if result["median"] > most else ""
        numbers.append(f'<text class="v" x="{end + 6:.1f}" y="{y + 16}">{result["median"]:.0f}{cut}</text>')
    for key, label in (("floor_ms", "direct arithmetic at peak"), ("bf16_floor_ms", "in bfloat16")):
        if values.get(key):
            x, down = scale(values[key]), 16 * (key != "floor_ms")
            lines.append(f'<path d="M{x:.1f} {TOP - 2}V{height - 36 + down}" stroke="{FLOOR}" stroke-dasharray="4 3"/>')
            lines.append(f'<text x="{x + 4:.1f}" y="{height - 26 + down}" style="fill:{FLOOR}">{label}: {values[key]:.0f}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines + numbers) + "\n</svg>\n")
