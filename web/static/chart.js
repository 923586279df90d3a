// Series as SVG, drawn at the width that there is: themed by tokens, printed with the page, read aloud as a sentence and as a table.
import {SEVERITIES, Scroll, Head, html, number, percent, useEffect, useRef, useState, when, zone} from "./parts.js"

export function useWidth(least = 280) {
  const [width, set] = useState(900), box = useRef()
  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => set(Math.max(least, Math.round(entry.contentRect.width))))
    seen.observe(box.current)
    return () => seen.disconnect()
  }, [])
  return [width, box]
}
/** Round numbers up to the largest: four or five of them. */
export function ticks(most) {
  const rough = Math.max(most, 1e-9) / 4, power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough)
  return Array.from({length: Math.floor(most / step + 1e-9) + 1}, (_, i) => i * step)
}

const path = (points, x, y, name) => {
  let text = "", pen = false
  points.forEach((point, i) => { if (point[name] == null) pen = false; else { text += `${pen ? "L" : "M"}${x(i).toFixed(1)} ${y(point[name]).toFixed(1)}`; pen = true } })
  return text
}
const Key = ({lines, band, alert}) => html`<div class="key">${lines.map(([kind, word]) => html`<span><svg viewBox="0 0 32 14" aria-hidden="true"><path class=${kind} d="M0 7H32"/></svg>${word}</span>`)}
  ${band && html`<span><svg viewBox="0 0 32 14" aria-hidden="true"><rect class="band" width="32" height="14"/></svg>usual range</span>`}${alert && html`<span><svg viewBox="0 0 32 14" aria-hidden="true"><rect class="attack" width="32" height="14"/><path class="attack-edge" d="M1 0V14"/></svg>this alert</span>`}</div>`

/** Points {start, observed, expected, low, high, limit}; from, to: the alert's own time; `title`: what is counted. */
export function Series({points, from, to, title, who = "observed", unit = "calls", table = true}) {
  const [width, box] = useWidth(), [height, left, right, top, bottom] = [width < 500 ? 200 : 250, 46, 10, 8, 24]
  const most = Math.max(1, ...points.flatMap(p => [p.observed ?? 0, p.limit ?? 0, p.high ?? 0])) * 1.06
  const slot = (width - left - right) / Math.max(1, points.length), x = i => left + (i + .5) * slot, y = v => top + (height - top - bottom) * (1 - v / most)
  const has = name => points.some(p => p[name] != null)
  const inside = points.map((p, i) => [p, i]).filter(([p]) => new Date(p.start) >= floor20(from) && new Date(p.start) < new Date(to))
  const [first, last] = inside.length ? [inside[0][1], inside.at(-1)[1]] : [-1, -1]
  const half = slot / 2
  const counted = points.filter(p => p.observed != null), peak = counted.reduce((a, b) => b.observed > a.observed ? b : a, {observed: 0, start: ""})
  const over = counted.filter(p => p.limit != null && p.observed > p.limit).length
  const hours = width < 500 ? 12 : width < 800 ? 6 : 4, step = Math.round((points[1] ? new Date(points[1].start) - new Date(points[0].start) : 1200000) / 60000)
  const known = points.filter(p => p.low != null && p.high != null), band = known.length > 1
  const range = band && points.map((p, i) => [p, i]).filter(([p]) => p.high != null)
  return html`<figure ref=${box}><${Key} lines=${[["observed", who], ...(has("expected") ? [["expected", "expected"]] : []), ...(has("limit") ? [["threshold", "threshold"]] : [])]} band=${band} alert=${first >= 0}/>
    <svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}: ${over ? `${over} of ${counted.length} windows are above the threshold; ` : ""}the highest has ${number(peak.observed)} ${unit}${peak.start ? ` at ${when(peak.start)}` : ""}${peak.limit != null ? ` where ${number(peak.limit)} are tolerated` : ""}.">
      ${ticks(most).map(v => html`<path class="grid" d="M${left} ${y(v).toFixed(1)}H${width - right}"/><text class="axis" x=${left - 6} y=${y(v) + 4} text-anchor="end">${number(v)}</text>`)}
      ${band && html`<path class="band" d="${range.map(([p, i], n) => `${n ? "L" : "M"}${x(i).toFixed(1)} ${y(p.high).toFixed(1)}`).join("") + range.reverse().map(([p, i]) => `L${x(i).toFixed(1)} ${y(p.low).toFixed(1)}`).join("") + "z"}"/>`}
      ${first >= 0 && html`<rect class="attack" x=${Math.max(left, x(first) - half)} y=${top} width=${Math.max(3, Math.min(width - right, x(last) + half) - Math.max(left, x(first) - half))} height=${height - top - bottom}/><path class="attack-edge" d="M${Math.max(left, x(first) - half)} ${top}V${height - bottom}"/>`}
      <path class="expected" d=${path(points, x, y, "expected")}/><path class="threshold" d=${path(points, x, y, "limit")}/><path class="observed" d=${path(points, x, y, "observed")}/>
      ${peak.start && html`<circle class="dot" cx=${x(points.indexOf(peak))} cy=${y(peak.observed)} r="3.5"/><text class="axis peak" x=${Math.min(x(points.indexOf(peak)) - 8, width - right)} y=${Math.max(top + 10, y(peak.observed) + 4)} text-anchor="end">${number(peak.observed)}</text>`}
      ${points.map((p, i) => { const text = when(p.start), hour = +text.slice(11, 13); return hour % hours || text.slice(14) !== "00" || x(i) > width - 24 ? null : html`<text class="axis" x=${x(i)} y=${height - 6} text-anchor=${x(i) < left + 16 ? "start" : "middle"}>${hour ? text.slice(11) : text.slice(5, 10)}</text>` })}
    </svg>
    <figcaption>Windows of ${step} minutes; times are ${zone()}. ${table && html`<details><summary>The same as a table</summary><${Scroll} label="The series as a table"><table>
      <${Head} of=${["window", [who, "n"], ["expected", "n"], ["usual range", "n"], ["threshold", "n"]]}/><tbody>${points.slice().reverse().map(p => html`<tr class=${p.limit != null && p.observed > p.limit ? "chosen" : ""}><td>${when(p.start)}</td><td class="n">${p.observed == null ? "not yet known" : number(p.observed)}</td><td class="n">${number(p.expected)}</td><td class="n">${p.low == null ? "–" : `${number(p.low)} to ${number(p.high)}`}</td><td class="n">${number(p.limit)}</td></tr>`)}</tbody></table></${Scroll}></details>`}</figcaption></figure>`
}
const floor20 = iso => new Date(Math.floor(+new Date(iso) / 1200000) * 1200000)

/** Days {day, High, Medium, Low, Informational} as columns; each is a link to its alerts. */
export function Days({days, link}) {
  const [width, box] = useWidth(), [height, left, top, bottom] = [width < 500 ? 140 : 170, 34, 6, 22]
  const totals = days.map(day => SEVERITIES.reduce((sum, name) => sum + (day[name] ?? 0), 0)), most = Math.max(4, ...totals)
  const each = (width - left) / days.length, bar = Math.max(3, each * .7), y = v => top + (height - top - bottom) * (1 - v / most)
  const sum = totals.reduce((a, b) => a + b, 0), busiest = totals.indexOf(Math.max(...totals))
  return html`<figure ref=${box}><div class="key">${SEVERITIES.map(name => html`<span><svg viewBox="0 0 14 14" aria-hidden="true"><rect class="fill-${name}" width="14" height="14" rx="2"/></svg>${name}</span>`)}</div>
    <svg class="chart" viewBox="0 0 ${width} ${height}" role="group" aria-label="Alerts by day and severity: ${sum} in ${days.length} days${sum ? `, the most on ${days[busiest].day}: ${totals[busiest]}` : ""}.">
      ${ticks(most).filter(Number.isInteger).map(v => html`<path class="grid" d="M${left} ${y(v)}H${width}"/><text class="axis" x=${left - 6} y=${y(v) + 4} text-anchor="end">${number(v)}</text>`)}
      ${days.map((day, i) => {
        let base = 0
        const parts = [...SEVERITIES].reverse().map(name => { const n = day[name] ?? 0, from = base; base += n; return n ? html`<rect class="fill-${name}" x=${left + i * each + (each - bar) / 2} y=${y(base)} width=${bar} height=${Math.max(1, y(from) - y(base) - (from ? 1 : 0))}/>` : null })
        const label = SEVERITIES.filter(name => day[name]).map(name => `${day[name]} ${name}`).join(", ")
        return totals[i] ? html`<a href=${link(day.day)} aria-label="${day.day}: ${label}"><title>${day.day}: ${label}</title><rect x=${left + i * each} y=${top} width=${each} height=${height - top - bottom} fill="transparent"/>${parts}</a>` : null
      })}
      ${days.map((day, i) => i % (width < 500 ? 10 : 5) ? null : html`<text class="axis" x=${left + i * each + each / 2} y=${height - 5} text-anchor=${i ? "middle" : "start"}>${day.day.slice(5)}</text>`)}</svg></figure>`
}

/** Shares of a whole as one bar with its legend as text. `parts`: [name, n, class]. */
export function Shares({parts, label}) {
  const sum = parts.reduce((total, [, n]) => total + n, 0)
  let at = 0
  return html`<figure><svg class="chart" viewBox="0 0 1000 22" preserveAspectRatio="none" height="22" role="img" aria-label="${label}: ${parts.map(([name, n]) => `${name} ${percent(n / sum)}`).join(", ")}">
    ${parts.map(([, n, kind]) => { const from = at; at += n / sum * 1000; return html`<rect class=${kind} x=${from} width=${Math.max(0, at - from - 2)} height="22"/>` })}</svg>
    <div class="key">${parts.map(([name, n, kind]) => html`<span><svg viewBox="0 0 14 14" aria-hidden="true"><rect class=${kind} width="14" height="14" rx="2"/></svg>${name}: ${number(n)} (${percent(n / sum)})</span>`)}</div></figure>`
}
