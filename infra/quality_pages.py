"""Makes Great Expectations' Data Docs readable without a network and without scripts.

Its pages load style sheets, icons and scripts from seven public hosts, and its index is drawn by one of those
scripts: cut off, it is an empty page, and connected, it tells seven strangers which night somebody looks at. Here
every remote asset and every script is taken out, one small style sheet is put in, and the index is written anew.
"""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

REMOVED = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*>|<footer\b.*?</footer>|<img\b[^>]*>"
    r"|<p class=\"m-0\">\s*<a data-toggle.*?</p>|<strong>Actions</strong>"
    r"|<div class=\"card-body p-3\">.*?Failed Only.*?</div>",
    re.DOTALL,
)
SUITE_LINK = re.compile(r"<a href=\"[^\"]*expectations/[^\"]*\"[^>]*>(.*?)</a>", re.DOTALL)
NO_OUTSIDE = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
STYLE = """<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1200px; padding: 24px; color: #1c2733; }
a { color: #0b5cad; } nav, .navbar { height: auto !important; } ol, ul { padding-left: 20px; }
ul.nav { columns: 4; font-size: 13px; } .sticky { position: static; } .card { max-height: none !important; }
.ge-section { margin-bottom: 8px !important; padding-bottom: 0 !important; }
table { border-collapse: collapse; width: 100%; margin: 8px 0 20px; font-size: 14px; }
td, th { border-bottom: 1px solid #dde3ea; padding: 5px 8px; text-align: left; vertical-align: top; }
.alert { background: #f2f5f8; padding: 8px 12px; border-radius: 6px; } h4, h5, h6 { margin: 4px 0; }
.fa-check-circle::before { content: "✓"; color: #18794e; } .fa-times::before { content: "✗"; color: #b42318; }
.fa-exclamation-triangle::before { content: "!"; color: #b42318; } .cooltip .top { display: none !important; }
.pass { color: #18794e; } .fail { color: #b42318; font-weight: 600; } .number { text-align: right; }
</style>"""


def make_self_contained(folder: Path) -> None:
    """Rewrite every page below `folder` so that it asks nobody for anything."""
    for page in folder.rglob("*.html"):
        text = SUITE_LINK.sub(r"\1", REMOVED.sub("", page.read_text(encoding="utf-8")))
        page.write_text(text.replace("</head>", f"{NO_OUTSIDE}{STYLE}</head>", 1), encoding="utf-8")
    shutil.rmtree(folder / "static", ignore_errors=True)


def write_index(folder: Path, title: str, rows: Sequence[tuple[str, str, int, int, tuple[str, ...]]]) -> None:
    """The first page: one row a table with (name, page, rows, expectations, failed ones in words)."""
    lines = [
        f'<tr><td><a href="{html.escape(page)}">{html.escape(table)}</a></td><td class="number">{count:,}</td>'
        f'<td class="number">{evaluated}</td><td class="{"fail" if failed else "pass"}">'
        f"{html.escape('; '.join(failed)) or 'all hold'}</td></tr>"
        for table, page, count, evaluated, failed in rows
    ]
    head = "<tr><th>table</th><th class='number'>rows</th><th class='number'>expectations</th><th>failed</th></tr>"
    (folder / "index.html").write_text(
        f'<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8"><title>Data checks {html.escape(title)}</title>'
        f"{NO_OUTSIDE}{STYLE}</head><body><h2>Data checks, {html.escape(title)}</h2>"
        "<p>Great Expectations' results on the rows that passed. Refused rows stand in <code>quarantine.rows</code> "
        f"with the rule that refused them.</p><table>{head}{''.join(lines)}</table></body></html>\n",
        encoding="utf-8",
    )
