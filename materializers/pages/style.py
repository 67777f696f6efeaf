"""The style sheet of every page: light, system fonts, figures of equal width. Nothing but CSS belongs here."""

STYLE = """
:root { color-scheme: light; --ink: #1d2530; --soft: #5d6775; --faint: #7d8794; --rule: #e3e7ec; --tint: #f6f8fa;
  --accent: #2f5d8a; --good: #1a7348; --bad: #b3261e; --warn: #8a5300; --sans: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 15px/1.5 var(--sans); }
main { max-width: 920px; margin: 0 auto; padding: 28px 24px 48px; }
.kind { margin: 0; color: var(--soft); font-size: 13px; letter-spacing: .04em; }
h1 { margin: 2px 0 20px; font-size: 26px; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 36px 0 10px; font-size: 17px; font-weight: 650; }
p, ul { margin: 8px 0; max-width: 84ch; }
ul { padding-left: 20px; }
li { margin: 4px 0; }
ul.names { columns: 3; max-width: none; font-size: 13.5px; }
ul.names li { margin: 0; overflow-wrap: anywhere; }
.lead { margin: 0 0 16px; font-size: 18px; line-height: 1.45; }
.dim { color: var(--faint); }
.small { color: var(--soft); font-size: 12px; line-height: 1.35; font-weight: 400; overflow-wrap: anywhere; }

table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { text-align: left; vertical-align: bottom; color: var(--soft); font-size: 12.5px; font-weight: 600; }
th strong { color: var(--ink); }
th, td { padding: 6px 9px; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom-color: #b9c1cb; white-space: nowrap; }
.n { text-align: right; }
td.n { white-space: nowrap; }
.wide { overflow-x: auto; }
.wide > table { width: 100%; }
tr.marked td { background: #eef4fa; font-weight: 600; }
tr.marked td:first-child { padding-left: 10px; box-shadow: inset 3px 0 var(--accent); }
table.facts { min-width: 420px; }
.facts th { width: 1%; white-space: nowrap; padding-right: 28px; vertical-align: top; font-size: 13.5px; font-weight: 500; }
.facts td { overflow-wrap: anywhere; }

.figures { display: flex; flex-wrap: wrap; gap: 12px 44px; margin: 20px 0; }
.figures dt { color: var(--soft); font-size: 12.5px; }
.figures dd { margin: 0; font-size: 24px; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
.statement { margin: 20px 0; padding: 16px 20px; border-left: 5px solid; border-radius: 3px; }
.statement p { margin: 4px 0 0; color: var(--ink); }
.statement .words { margin: 0; color: inherit; font-size: 26px; font-weight: 700; line-height: 1.25; }
.good { color: var(--good); background: #eef7f2; }
.bad { color: var(--bad); background: #fdf1f0; }
.quiet { color: var(--soft); background: var(--tint); }
.warn { color: var(--warn); background: #fdf6e9; padding: 8px 12px; border-radius: 3px; }
.note { font-size: 13.5px; }
.note.quiet { background: none; }
.pass { color: var(--good); font-weight: 600; }
.fail { color: var(--bad); font-weight: 600; }

.charts { display: flex; flex-wrap: wrap; gap: 20px 32px; }
figure { margin: 0; }
figcaption { margin-bottom: 4px; font-size: 13px; font-weight: 600; }
svg { display: block; max-width: 100%; height: auto; font: 12px var(--sans); }
svg text { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg text.name { fill: var(--ink); font-size: 13px; }
.confusion th { padding: 4px 16px 4px 0; border: 0; vertical-align: middle; font-size: 13px; }
.confusion thead th { text-align: center; }
.confusion td, .confusion td:first-child, .confusion td:last-child { padding: 12px 28px; border: 2px solid #fff; text-align: center;
  font-size: 18px; font-weight: 600; }
pre { margin: 8px 0; padding: 12px 16px; background: var(--tint); border: 1px solid var(--rule); border-radius: 4px;
  font-size: 13px; overflow-x: auto; }
"""
