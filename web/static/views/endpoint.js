// One endpoint: traffic, who may call it, what it gives away, how far it is from what was declared, and what is known of it.
import {Active, Authentication, Head, Loaded, Mark, Origin, Scroll, Severity, Time, Title, address, count, html, number, percent, useApi} from "../parts.js"
import {Series, Shares} from "../chart.js"

export default function Endpoint({id}) {
  const found = useApi(`inventory/${encodeURIComponent(id)}`)
  return html`<nav class="up" aria-label="Up"><a href="/ui/inventory">Inventory</a></nav><${Loaded} of=${found} what="endpoint" title="Endpoint">${one => html`<${View} of=${one}/>`}</${Loaded}>`
}

function View({of}) {
  const risk = of.risk, mix = Object.entries(of.statusMix ?? {}).filter(([, n]) => n > 0), series = points(of.series)
  return html`<${Title} text=${of.endpoint}><span class="break">${of.endpoint}</span><${Origin} of=${of.origin}/></${Title}>
    <p class="actions facts"><span>${of.apiName ?? of.api ?? "no API"}${of.service && html`, <span class="quiet">${of.service}</span>`}</span>${of.openAlerts > 0 && html`<a href=${address("/ui/alerts", "", {endpoint: of.endpoint, service: of.service})}>${count(of.openAlerts, "open alert")}</a>`}<a href=${address("/ui/recommendations", "", {resource: of.id})}>its recommendations</a></p>
    <section class="card" aria-label="At a glance"><dl class="pairs columns"><dt>status</dt><dd><${Active} of=${of.status} cause=${of.statusCause}/></dd><dt>last called</dt><dd><${Time} of=${of.lastCalled}/></dd><dt>first seen</dt><dd><${Time} of=${of.firstSeen}/></dd>
      <dt>calls, callers</dt><dd>${number(of.calls)}${of.callers != null ? `, ${number(of.callers)}` : ""}</dd><dt>authentication</dt><dd><${Authentication} of=${of.authentication} by=${kinds(of)}/>${of.contradiction && html`<div class="bad">${of.contradiction}</div>`}</dd>
      <dt>from outside</dt><dd>${of.external == null ? "awaiting data" : of.external ? html`yes${of.externalLast && html`, last <${Time} of=${of.externalLast}/>`}` : "no"}${of.countries?.length > 0 && html`<div class="sub">${of.countries.join(", ")}</div>`}</dd>
      ${of.baseline && html`<dt>baseline</dt><dd>${count(of.baseline.days, "day")}${of.baseline.days < 14 ? " (young: judged strictly until day 14)" : ""}, ${count(of.baseline.calls ?? 0, "call")}</dd>`}</dl></section>
    <section class="card"><h2>Calls, 48 hours</h2>${series.length ? html`<${Series} points=${series} from="2100-01-01T00:00:00Z" to="2100-01-01T00:00:00Z" title="Calls in windows of 20 minutes, 48 hours" who="calls"/>` : html`<p class="quiet">No call in the last 48 hours.</p>`}${mix.length > 0 && html`<h3>Answers</h3><${Shares} label="Answers by status class" parts=${mix.map(([name, n]) => [name.length === 3 && name.endsWith("xx") ? name.toUpperCase() : name, n, `fill-${String(name)[0]}xx`])}/>`}</section>
    <div class="two">${risk && html`<section class="card"><h2>Risk: <${Severity} of=${risk.band}/> <span class="quiet">${number(risk.score)}</span></h2><ul class="list">${(risk.points ?? []).map(point => html`<li>${point.why}<span class="end n">+${number(point.points)}</span></li>`)}</ul>${risk.lower?.length > 0 && html`<h3>What would lower it</h3><ul>${risk.lower.map(one => html`<li>${one.why ?? one.text ?? one}${one.points != null && ` (−${number(Math.abs(one.points))})`}</li>`)}</ul>`}</section>`}
      <section class="card"><h2>Off its specification</h2>${of.deviations?.length ? html`<ul class="list">${of.deviations.map(one => html`<li><${Severity} of=${one.severity ?? "Low"}/><span><a href=${address("/ui/drift", "", {kind: one.kind})}>${one.title ?? one.kind}</a>${one.subject && html` <code>${one.subject}</code>`}<div class="sub break">declared ${show(one.declared)}, observed ${show(one.observed)}</div></span></li>`)}</ul>` : html`<p><${Mark} good=${null}>No deviation is known</${Mark}></p>`}</section></div>
    <section class="card"><h2>Sensitive data, by place</h2>${of.sensitive?.length ? html`<${Scroll} label="Sensitive data"><table><${Head} of=${["type", "where", "confidence", "last seen"]}/><tbody>${of.sensitive.flatMap(found => (found.places ?? [found.path ?? ""]).map(place => html`<tr><td>${found.type}</td><td class="mono break">${placeOf(place, found)}</td><td>${found.confidence}</td><td class="tight"><${Time} of=${place.lastSeen ?? found.lastSeen}/></td></tr>`))}</tbody></table></${Scroll}>` : html`<p class="quiet">None has been found in what was looked into.</p>`}</section>
    <div class="two"><section class="card"><h2>Parameters</h2>${of.parameters?.length ? html`<${Scroll} label="Parameters"><table><${Head} of=${["name", "types"]}/><tbody>${of.parameters.map(one => html`<tr><td class="mono break">${one.name}</td><td>${types(one.types)}</td></tr>`)}</tbody></table></${Scroll}>` : html`<p class="quiet">None known.</p>`}</section>
      <section class="card"><h2>What changed</h2>${of.changes?.length ? html`<ul class="list">${of.changes.map(one => html`<li>${one.text ?? one.what ?? one.kind}<span class="end"><${Time} of=${one.when ?? one.at}/></span></li>`)}</ul>` : html`<p class="quiet">Nothing that is remembered.</p>`}</section></div>`
}

const show = value => value == null || value === "" ? "nothing" : typeof value === "object" ? JSON.stringify(value) : String(value)
const kinds = of => [Object.entries(of.authenticationKinds ?? {}).map(([name, share]) => `${name} ${percent(share)}`).join(", "), of.authenticationByPolicy && `policy demands ${[...(of.authenticationByPolicy.required ?? []), ...(of.authenticationByPolicy.conditional ?? []).map(kind => kind + " (conditionally)")].join(", ") || "nothing"}`].filter(Boolean).join("; ")
const placeOf = (place, found) => typeof place === "string" ? place || [found.direction, found.where, found.path].filter(Boolean).join(" ") : [place.where, place.path].filter(Boolean).join(" ")
const types = of => Array.isArray(of) ? of.join(", ") : Object.entries(of ?? {}).map(([name, n]) => typeof n === "number" ? `${name} (${number(n)})` : name).join(", ")
/** Calls per window by status class, as one line. */
function points(series) {
  const found = Array.isArray(series) ? series : series?.points ?? []
  const shown = found.map(p => ({start: p.start ?? p.window, observed: p.calls ?? p.n ?? p.observed ?? ["1xx", "2xx", "3xx", "4xx", "5xx"].reduce((sum, name) => sum + (p[name] ?? p.classes?.[name] ?? 0), 0), expected: p.expected ?? null, low: p.low ?? null, high: p.high ?? null, limit: null}))
  if (shown.length < 1) return shown
  // a window without a call is left out of the answer: here it is none, and not a line from one call to the next
  const known = new Map(shown.map(p => [+new Date(p.start), p])), last = Math.max(...known.keys()), window = 1200000
  return Array.from({length: 144}, (_, i) => last - (143 - i) * window).map(at => known.get(at) ?? {start: new Date(at).toISOString(), observed: 0, expected: null, low: null, high: null, limit: null})
}
