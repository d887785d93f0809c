"""How the pages look. Colours are translucent, so that they hold on a dark page as on a light one."""

CSS = """
.gradio-container {width: 100% !important; max-width: 1240px !important; margin: 0 auto !important}
.word {border-radius: 4px; padding: 1px 7px; background: #64748b33; font-weight: 600; white-space: nowrap}
.executed, .better, .healthy, .autonomous {background: #16a34a33}
.awaiting_approval, .ask, .undone, .cannot_tell, .degraded, .suspicious, .held {background: #eab30855}
.failed, .not_better, .stopped, .down, .breaching {background: #dc262644}
.simulated {background: #7c3aed33}
.card {border: 1px solid #64748b55; border-radius: 8px; padding: 10px 14px; margin: 6px 0; overflow-wrap: anywhere}
.card h3 {margin: 0 0 4px} .id {opacity: .7; font-family: monospace} .state {margin: 0}
.notice {border-left: 5px solid #dc2626; background: #dc262618; padding: 10px 14px; border-radius: 4px}

.aloud {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%)}
button.opens {background: none; border: 0; padding: 0; font: inherit; color: inherit; text-align: left; cursor: pointer;
  text-decoration: underline; text-decoration-color: #64748b88; text-underline-offset: 3px; overflow-wrap: anywhere}
button.opens:hover {text-decoration-color: currentColor}
button.decide {font: inherit; font-weight: 600; border: 0; border-radius: 6px; padding: 6px 14px; cursor: pointer;
  color: #fff; background: #b45309; white-space: nowrap}
button.opens:focus-visible, button.decide:focus-visible {outline: 2px solid currentColor; outline-offset: 2px}

ul.strip {display: flex; flex-wrap: wrap; gap: 8px; list-style: none; margin: 0 !important; padding: 0 !important}
ul.strip li {border-radius: 8px; padding: 6px 14px; margin: 0 !important}
ul.strip li b {font-size: 1.35em; font-variant-numeric: tabular-nums} ul.strip .pending {background: #3b82f633}
ul.strip .unknown {background: #64748b33} ul.strip li.none {background: #64748b18; opacity: .75}
.asked {display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; border-left: 5px solid #d97706;
  background: #eab30822; border-radius: 4px; padding: 8px 12px; margin: 6px 0}
.asked > div {flex: 1 1 320px; overflow-wrap: anywhere}

#q {max-width: 340px; align-self: flex-start; margin: 0 !important}
table.fleet, table.fleet tr {border: 0 !important; background: none !important}
table.fleet {width: 100%; border-collapse: collapse; table-layout: fixed; font-size: .93em; margin: 0 !important}
table.fleet th, table.fleet td {text-align: left; vertical-align: top; padding: 7px 8px !important;
  border: 0 !important; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; background: none !important}
table.fleet thead th {opacity: .75; font-weight: 600; padding: 2px 8px !important}
table.fleet tbody {border-top: 1px solid #64748b44 !important; background: none}
table.fleet tbody th {border-left: 5px solid #16a34a66 !important; font-weight: 600}
table.fleet tbody.breaching th {border-left-color: #dc2626 !important}
table.fleet tbody.held th, table.fleet tbody.suspicious th {border-left-color: #eab308 !important}
table.fleet tbody.unknown th {border-left-color: #64748b66 !important}
table.fleet .simulated, ol.happened .simulated, .asked .simulated {font-weight: 400; font-size: .8em; padding: 0 5px}
table.fleet small {display: block; opacity: .75; font-weight: 400}
table.fleet .bad {color: #dc2626; opacity: 1} .dark table.fleet .bad {color: #f87171}
table.fleet th:nth-child(1) {width: 18%} table.fleet th:nth-child(2) {width: 14%}
table.fleet th:nth-child(3), table.fleet th:nth-child(4) {width: 16%}
table.fleet th:nth-child(5), table.fleet th:nth-child(6), table.fleet th:nth-child(7) {width: 7%}
table.fleet tr.signs td {padding: 0 8px 7px 13px !important; font-size: .93em; opacity: .85}
svg.spark {display: block; width: 100%; max-width: 190px; height: 26px; margin-top: 2px; overflow: visible}
svg.spark polyline {fill: none; stroke: #3b82f6; stroke-width: 1.5; vector-effect: non-scaling-stroke}
svg.spark line {vector-effect: non-scaling-stroke} svg.spark .limit {stroke: #dc2626aa; stroke-dasharray: 4 3}
svg.spark .deed line {stroke: #a855f7; stroke-width: 2.5}
ol.happened {list-style: none; margin: 0 !important; padding: 0 !important}
ol.happened li {padding: 6px 0; margin: 0 !important; border-top: 1px solid #64748b33; overflow-wrap: anywhere}
ol.happened p {display: block !important; margin: 2px 0 0 !important; opacity: .8; font-size: .93em}
time {font-variant-numeric: tabular-nums}

@media (max-width: 760px) {
  table.fleet, table.fleet tbody {display: block; width: 100%} table.fleet thead {display: none}
  table.fleet tbody {padding: 6px 0 !important}
  table.fleet tr {display: grid; grid-template-columns: repeat(6, 1fr); padding: 0 !important}
  table.fleet th, table.fleet td {grid-column: span 2; padding: 3px 8px !important}
  table.fleet tr th {width: auto !important}
  table.fleet td[data-label]::before {content: attr(data-label) ": "; opacity: .75}
  table.fleet td[data-label="Accuracy"], table.fleet td[data-label="Latency"] {grid-column: span 3}
  table.fleet tr th, table.fleet td[data-label="Health"], table.fleet td[data-label="Last decision"],
  table.fleet tr.signs td {grid-column: 1 / -1}
}
"""
