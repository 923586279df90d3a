// Every endpoint that exists, as declared and as called: what Defender shows of it, and what else is known. Which columns is for each reader to choose.
import {Active, Authentication, Empty, Loaded, More, ORIGINS, Origin, Scroll, Search, Select, Severity, Time, Title, address, api, count, countryName, go, html, milliseconds, number, prefer, preferences, save, say, useApi} from "../parts.js"

const here = "/ui/inventory"
/** Those without a field of their own in the view: they come by links. */
const PIVOTS = ["service", "api", "method", "product", "tag", "version", "country"]
const FILTERS = ["q", "origin", "status", "authentication", "external", "sensitive", "risk", ...PIVOTS]
const RISKIEST = "-risk"

const quiet = text => html`<span class="quiet">${text}</span>`
const links = (values, name) => values?.length ? values.slice(0, 3).map((one, i) => html`${i ? ", " : ""}<a href=${address(here, "", {[name]: one})}>${one}</a>`).concat(values.length > 3 ? [html`<div class="sub">and ${values.length - 3} more</div>`] : []) : quiet("–")
/** Name -> [heading, what the server sorts by ("" for nothing), class of its cells, cell]. */
const COLUMNS = {
  lastCalled: ["last called", "lastCalled", "tight", one => html`<${Time} of=${one.lastCalled}/><div class="sub"><${Active} of=${one.status}/></div>`],
  authentication: ["authentication", "authentication", "", one => html`<${Authentication} of=${one.authentication}/>`],
  external: ["from outside", "", "", one => one.external == null ? quiet("awaiting data") : one.external ? "yes" : "no"],
  sensitive: ["sensitive data", "", "", one => types(one.sensitive)],
  calls: ["calls", "calls", "n", one => number(one.calls)],
  callers: ["callers", "callers", "n", one => number(one.callers)],
  p95: ["p95", "p95Milliseconds", "n", one => milliseconds(one.p95Milliseconds)],
  alerts: ["alerts", "openAlerts", "n", one => one.openAlerts ? html`<a href=${address("/ui/alerts", "", {endpoint: one.endpoint, service: one.service})}>${number(one.openAlerts)}</a>` : quiet("0")],
  risk: ["risk", "risk", "tight", one => one.risk ? html`<${Severity} of=${one.risk.band}/>` : "–"],
  firstSeen: ["first seen", "firstSeen", "tight", one => html`<${Time} of=${one.firstSeen}/>`],
  operation: ["operation", "", "break", one => one.operationName ?? one.operationId ?? quiet("none")],
  version: ["version", "", "", one => one.apiVersion ? html`<a href=${address(here, "", {version: one.apiVersion})}>${one.apiVersion}</a>` : quiet("–")],
  products: ["products", "", "break", one => links(one.products, "product")],
  tags: ["tags", "", "break", one => links(one.tags, "tag")],
  countries: ["countries", "numberOfCountries", "", one => one.countries?.length ? html`<span title=${one.countries.map(countryName).join(", ")}>${one.countries.slice(0, 3).join(", ")}</span>${one.numberOfCountries > 3 && html`<div class="sub">of ${number(one.numberOfCountries)}</div>`}` : quiet("–")],
  reachable: ["configured open", "", "", one => one.reachable == null ? quiet("not known") : one.reachable ? "to the internet" : "no"],
}
const USUAL = ["lastCalled", "authentication", "external", "sensitive", "calls", "p95", "alerts", "risk"]
const types = sensitive => {
  const found = [...new Set((sensitive ?? []).map(one => one.type))]
  return found.length ? html`${found.slice(0, 2).map(type => html`<div>${type}</div>`)}${found.length > 2 && html`<div class="sub">and ${found.length - 2} more</div>`}` : quiet("none found")
}
const chosen = () => { const names = preferences.columns === null ? USUAL : preferences.columns.split(","); return Object.keys(COLUMNS).filter(name => names.includes(name)) }

export default function Inventory({query}) {
  const asked = new URLSearchParams({sort: query.get("sort") ?? RISKIEST})
  for (const name of [...FILTERS, "cursor"]) if (query.get(name)) asked.set(name, query.get(name))
  const found = useApi("inventory?" + asked)
  const set = (name, value) => go(address(here, query, {[name]: value, cursor: ""}), {replace: true})
  const used = FILTERS.filter(name => query.get(name)), sort = asked.get("sort"), columns = chosen()
  const Sort = ({by, children, kind}) => html`<th scope="col" class=${kind} aria-sort=${sort === by ? "ascending" : sort === "-" + by ? "descending" : null}>${by ? html`<button type="button" class="sort" onClick=${() => set("sort", sort === "-" + by ? by : "-" + by)}>${children}</button>` : children}</th>`
  const choice = (name, label, options) => html`<${Select} label=${label} value=${query.get(name) ?? ""} options=${options} change=${value => set(name, value)}/>`
  return html`<${Title} lead=${found.data?.total != null ? count(found.data.total, "endpoint") + (used.length ? " match." : ".") : ""}>Inventory</${Title}>
    ${found.data?.counters && html`<${Counters} of=${found.data.counters}/>`}
    <div class="filters many"><${Search} label="Endpoint, API or type of data" value=${query.get("q") ?? ""} placeholder="/v1/orders" change=${value => set("q", value)}/>
      ${choice("origin", "Origin", Object.entries(ORIGINS))}${choice("status", "Status", ["Active", "Inactive", "Awaiting data"])}${choice("authentication", "Authentication", ["Authenticated", "Mixed", "Unauthenticated", "Awaiting data"])}
      ${choice("external", "From outside", [["true", "yes"], ["false", "no"], ["unknown", "awaiting data"]])}${choice("sensitive", "Sensitive data", [["any", "yes"], ["none", "no"]])}${choice("risk", "Risk", ["Critical", "High", "Medium", "Low"])}
      ${PIVOTS.filter(name => query.get(name)).map(name => html`<span class="chip" key=${name}>${name} <b class="break">${name === "country" ? countryName(query.get(name).toUpperCase()) : query.get(name)}</b> <a href=${address(here, query, {[name]: "", cursor: ""})} aria-label="any ${name}">×</a></span>`)}
      ${used.length > 0 && html`<a class="button" href=${here}>Clear</a>`}<span class="end"><${Columns} shown=${columns}/><button type="button" onClick=${() => csv(asked)}>Download CSV</button></span></div>
    <${Loaded} of=${found} what="inventory">${data => !data.value.length ? used.length ? html`<${Empty} title="Nothing matches"><p><a href=${here}>Show every endpoint</a>.</p></${Empty}>` : html`<${Empty} title="No endpoints yet"><p>An endpoint stands here once it is called, or once the gateway's configuration is read. <a href="/ui/health">Health</a> says whether calls arrive.</p></${Empty}>`
      : html`<${Scroll} label="Endpoints"><table class="snug inventory"><thead><tr><${Sort} by="endpoint">endpoint</${Sort}>${columns.map(name => html`<${Sort} key=${name} by=${COLUMNS[name][1]} kind=${COLUMNS[name][2] === "n" ? "n" : ""}>${COLUMNS[name][0]}</${Sort}>`)}</tr></thead>
        <tbody>${data.value.map(one => html`<${Row} key=${one.id} one=${one} columns=${columns}/>`)}</tbody></table></${Scroll}><${More} next=${data.next} query=${query} path=${here}/>`}</${Loaded}>`
}

function Row({one, columns}) {
  const off = Object.values(one.deviations ?? {}).reduce((a, b) => a + b, 0)
  return html`<tr><td class="break main"><a class="row" href="/ui/inventory/${one.id}">${one.endpoint}</a><${Origin} of=${one.origin}/><div class="sub">${one.apiName || one.api || "no API"}${one.service ? `, ${one.service}` : ""}</div>${off > 0 && html`<div class="sub">${count(off, "deviation")} from its description</div>`}</td>
    ${columns.map(name => html`<td key=${name} class=${COLUMNS[name][2]}>${COLUMNS[name][3](one)}</td>`)}</tr>`
}

function Columns({shown}) {
  const toggle = (name, on) => { const next = on ? [...shown, name] : shown.filter(one => one !== name); prefer("columns", next.join(",")) }
  return html`<details class="columns"><summary class="button">Columns</summary><div role="group" aria-label="Columns">${Object.entries(COLUMNS).map(([name, [word]]) => html`<label class="check"><input type="checkbox" checked=${shown.includes(name)} onChange=${e => toggle(name, e.target.checked)}/><span>${word}</span></label>`)}<button type="button" onClick=${() => prefer("columns", null)}>The usual ones</button></div></details>`
}

const COUNTERS = [["numberOfApiEndpoints", "endpoints", {}], ["numberOfUnauthenticatedApiEndpoints", "unauthenticated", {authentication: "Unauthenticated"}], ["numberOfExternalApiEndpoints", "called from outside", {external: "true"}], ["numberOfApiEndpointsWithSensitiveDataExposed", "expose sensitive data", {sensitive: "any"}], ["numberOfInactiveApiEndpoints", "unused for 30 days", {status: "Inactive"}]]
const Counters = ({of}) => html`<div class="figures">${COUNTERS.filter(([name]) => of[name] != null).map(([name, word, query]) => html`<a class="figure" href=${address(here, "", query)}><span class="big">${number(of[name])}</span><span>${word}</span></a>`)}</div>`

/** The server's own file of every endpoint that the filters leave, in this order, with all columns; asked for with the same rights as the list. */
function csv(asked) {
  const all = new URLSearchParams(asked)
  all.delete("cursor"); all.set("format", "csv")
  return api("inventory?" + all, {as: "text"}).then(text => { save(text, "gatewatch-inventory.csv", "text/csv"); say("The file has every endpoint that matches") }, error => say(`no file: ${error.message}`))
}
