// What to look at first: numbers that are links, thirty days, what needs somebody, and whether Gatewatch itself is well.
import {Loaded, Mark, SEVERITIES, Title, address, count, html, number, shapes, useApi} from "../parts.js"
import {Days} from "../chart.js"

const ENDPOINTS = [
  ["numberOfApiEndpoints", "endpoints", {}], ["numberOfUnauthenticatedApiEndpoints", "unauthenticated", {authentication: "Unauthenticated"}],
  ["numberOfExternalApiEndpoints", "called from outside", {external: "true"}], ["numberOfApiEndpointsWithSensitiveDataExposed", "expose sensitive data", {sensitive: "true"}],
  ["numberOfInactiveApiEndpoints", "unused for 30 days", {status: "Inactive"}],
]

export default function Overview() {
  const overview = useApi("overview", {every: 15})
  return html`<${Title}>Overview</${Title}><${Loaded} of=${overview} what="overview">${data => html`<${View} of=${data}/>`}</${Loaded}>`
}

function View({of}) {
  const open = of.alerts?.open ?? {}, sum = SEVERITIES.reduce((total, name) => total + (open[name] ?? 0), 0)
  return html`<div class="figures four"><a class="figure" href="/ui/alerts?status=Active"><span class="big">${number(sum)}</span><span>open ${sum === 1 ? "alert" : "alerts"}</span><span class="split">${SEVERITIES.filter(name => open[name]).map(name => html`<span class="severity ${name}"><svg viewBox="0 0 10 10" aria-hidden="true"><path d=${shapes[name]}/></svg>${number(open[name])} ${name === "Informational" ? "Info" : name}</span>`)}</span></a>
      ${of.recommendations && html`<a class="figure" href="/ui/recommendations?state=open"><span class="big">${number(SEVERITIES.reduce((total, name) => total + (of.recommendations[name] ?? 0), 0))}</span><span>open recommendations</span><span class="split">${SEVERITIES.filter(name => of.recommendations[name]).map(name => html`<span class="severity ${name}"><svg viewBox="0 0 10 10" aria-hidden="true"><path d=${shapes[name]}/></svg>${number(of.recommendations[name])} ${name === "Informational" ? "Info" : name}</span>`)}</span></a>`}
      ${of.endpoints && html`<a class="figure" href="/ui/inventory"><span class="big">${number(of.endpoints.numberOfApiEndpoints)}</span><span>endpoints</span>${of.changes && html`<span class="split">${number(of.changes.new7)} new, ${number(of.changes.gone7)} gone in 7 days</span>`}</a>`}
      ${of.health && html`<a class="figure" href="/ui/health"><span class="big word"><${Mark} good=${of.health.state === "healthy"}>${of.health.state === "healthy" ? "Well" : "Unwell"}</${Mark}></span><span>Gatewatch itself</span>${of.health.notices?.length > 0 && html`<span class="split">${count(of.health.notices.length, "notice")}</span>`}</a>`}</div>
    <div class="wide-and-narrow"><section class="card" aria-labelledby="days"><h2 id="days">Alerts that began, by day</h2>${of.bySeverityDay?.length ? html`<${Days} days=${of.bySeverityDay} link=${day => address("/ui/alerts", "", {from: day + "T00:00:00Z", to: day + "T23:59:00Z"})}/>` : html`<p class="quiet">Nothing yet.</p>`}</section>
      <section class="card" aria-labelledby="needs"><h2 id="needs">What needs you</h2>${of.needsYou?.length ? html`<ul class="list">${of.needsYou.map(one => html`<li>${one.link ? html`<a href=${inside(one.link)}>${one.text}</a>` : one.text}</li>`)}</ul>` : html`<p><${Mark} good=${true}>Nothing waits for you</${Mark}></p>`}</section></div>
    ${of.endpoints && html`<section class="card" aria-labelledby="endpoints"><h2 id="endpoints">Endpoints</h2><div class="figures">${ENDPOINTS.filter(([name]) => of.endpoints[name] != null).map(([name, word, query]) => html`<a class="figure" href=${address("/ui/inventory", "", query)}><span class="big">${number(of.endpoints[name])}</span><span>${word}</span></a>`)}</div>
      ${of.changes && html`<p class="quiet">In 7 days ${number(of.changes.new7)} new, ${number(of.changes.changed7)} changed, ${number(of.changes.gone7)} gone; in 30 days ${number(of.changes.new30)} new, ${number(of.changes.changed30)} changed, ${number(of.changes.unused30)} unused, ${number(of.changes.gone30)} gone.</p>`}</section>`}
    ${of.health?.notices?.length > 0 && html`<section class="card"><h2>Gatewatch says of itself</h2><ul>${of.health.notices.map(notice => html`<li>${notice}</li>`)}</ul></section>`}`
}
/** Links of the API are of the page, or of the API itself: then of the view of the same name. */
const inside = link => link.startsWith("/ui") ? link : "/ui/" + link.replace(/^\/?(api\/)?/, "")
