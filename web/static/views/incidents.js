// What belongs together as one thing, newest first.
import {Empty, Head, Loaded, More, Scroll, Severity, Tag, Time, Title, html, number, useApi} from "../parts.js"

export default function Incidents({query}) {
  const cursor = query.get("cursor")
  const found = useApi("incidents" + (cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""), {every: 30})
  return html`<${Title} lead="Alerts within an hour that share a caller or an endpoint.">Incidents</${Title}><${Loaded} of=${found} what="incidents">${data => !data.value.length
    ? html`<${Empty} title="No incidents"><p>No alert, no incident.</p></${Empty}>`
    : html`<${Scroll} label="Incidents"><table><${Head} of=${["severity", "incident", ["alerts", "n"], ["actors", "n"], ["endpoints", "n"], "state", "began", "last seen"]}/><tbody>
      ${data.value.map(one => html`<tr key=${one.id}><td><${Severity} of=${one.severity}/></td><td><a class="row" href="/ui/incidents/${one.mergedInto ?? one.id}">${one.title}</a>${one.campaign && html` <${Tag}>campaign</${Tag}>`}${one.mergedInto && html`<div class="sub">merged into a larger one</div>`}</td><td class="n">${number(one.count ?? one.alerts.length)}</td><td class="n">${number(one.actorCount ?? one.actors.length)}</td><td class="n">${number(one.endpoints.length)}</td>
        <td>${one.open ? html`<${Tag} kind="warn">going on</${Tag}>` : html`<${Tag}>over</${Tag}>`}</td><td class="tight"><${Time} of=${one.startTimeUtc}/></td><td class="tight"><${Time} of=${one.endTimeUtc}/></td></tr>`)}</tbody></table></${Scroll}><${More} next=${data.next} query=${query} path="/ui/incidents"/>`}</${Loaded}>`
}
