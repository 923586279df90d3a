// One incident: its alerts on one time axis, who and where, and the list to work through.
import {AlertTable, Loaded, Severity, Tag, Time, Title, address, count, html, number, useApi, when, zone} from "../parts.js"
import {useWidth} from "../chart.js"

export default function Incident({id}) {
  const found = useApi(`incidents/${encodeURIComponent(id)}`, {every: 30})
  return html`<nav class="up" aria-label="Up"><a href="/ui/incidents">Incidents</a></nav><${Loaded} of=${found} what="incident" title="Incident">${one => html`<${View} of=${one}/>`}</${Loaded}>`
}

function View({of}) {
  const total = of.count ?? of.alerts.length
  return html`<${Title} text=${of.title}>${of.title}</${Title}>
    <p class="actions facts"><${Severity} of=${of.severity}/>${of.campaign && html`<${Tag}>campaign</${Tag}>`}${of.open ? html`<${Tag} kind="warn">still going on</${Tag}>` : html`<${Tag}>over</${Tag}>`}<span class="quiet"><${Time} of=${of.startTimeUtc}/> to <${Time} of=${of.endTimeUtc}/> ${zone()}</span></p>
    ${of.mergedInto && html`<div class="banner news"><span>It was merged into <a href="/ui/incidents/${of.mergedInto}">a larger incident</a>.</span></div>`}
    <section class="card" aria-labelledby="axis"><h2 id="axis">In time</h2>${of.alerts.length ? html`<${Axis} alerts=${of.alerts}/>` : html`<p class="quiet">Its alerts are gone.</p>`}</section>
    <div class="two"><section class="card"><h2>${count(of.actors.length, "actor")}</h2>${of.actors.length ? html`<ul class="list">${of.actors.slice(0, 50).map(actor => html`<li class="mono break"><a href=${address("/ui/alerts", "", {actor})}>${actor}</a></li>`)}</ul>${of.actors.length > 50 && html`<p class="quiet">and ${number(of.actors.length - 50)} more</p>`}` : html`<p>Everybody together: no single caller is accused.</p>`}</section>
      <section class="card"><h2>${count(of.endpoints.length, "endpoint")}</h2><ul class="list">${of.endpoints.slice(0, 50).map(one => html`<li class="break"><a href=${address("/ui/alerts", "", {endpoint: one})}>${one}</a></li>`)}</ul></section></div>
    ${of.alerts.length > 0 && html`<h2>${total > of.alerts.length ? `The first ${of.alerts.length} of ${number(total)} alerts` : count(total, "alert")}</h2><${AlertTable} rows=${of.alerts} may=${false}/>`}`
}

/** One line an alert, from its beginning to its end. */
function Axis({alerts}) {
  const [width, box] = useWidth(), row = 24, shown = alerts.slice(0, 40), left = Math.min(260, Math.round(width * .38)), right = 12
  const from = Math.min(...shown.map(one => +new Date(one.properties.startTimeUtc))), to = Math.max(...shown.map(one => +new Date(one.properties.endTimeUtc)), from + 60000)
  const x = time => left + (time - from) / (to - from) * (width - left - right), height = shown.length * row + 26, marks = width < 500 ? 2 : 4
  const name = text => { const fits = Math.floor(left / 6.6); return text.length > fits ? text.slice(0, fits - 1) + "…" : text }
  return html`<figure ref=${box}><svg class="chart" viewBox="0 0 ${width} ${height}" role="group" aria-label="${alerts.length} alerts between ${when(new Date(from).toISOString())} and ${when(new Date(to).toISOString())}">
    ${Array.from({length: marks + 1}, (_, i) => { const at = from + (to - from) * i / marks; return html`<path class="grid" d="M${x(at)} 0V${height - 20}"/><text class="axis" x=${x(at)} y=${height - 5} text-anchor=${i === 0 ? "start" : i === marks ? "end" : "middle"}>${when(new Date(at).toISOString(), {seconds: to - from < 600000}).slice(i ? 11 : 5)}</text>` })}
    ${shown.map((one, i) => { const p = one.properties, start = x(+new Date(p.startTimeUtc)), end = x(+new Date(p.endTimeUtc))
      return html`<a href="/ui/alerts/${one.name}"><title>${p.severity}: ${p.alertDisplayName}, ${p.compromisedEntity}${one.about.actor ? ", " + one.about.actor : ""}, ${when(p.startTimeUtc)}</title><rect x="0" y=${i * row} width=${width} height=${row} fill="transparent"/><text class="node-kind" x="0" y=${i * row + 16}>${name(`${p.compromisedEntity}${one.about.actor ? " · " + one.about.actor : ""}`)}</text><rect class="fill-${p.severity}" x=${start} y=${i * row + 7} width=${Math.max(6, end - start)} height="10" rx="3"/></a>` })}</svg>
    ${alerts.length > shown.length && html`<figcaption>The first ${shown.length} of ${alerts.length}.</figcaption>`}</figure>`
}
