// Every endpoint that exists, as declared and as called: what Defender shows of it, and what else is known.
import {Active, Authentication, Empty, Loaded, More, ORIGINS, Origin, Scroll, Search, Select, Severity, Time, Title, address, api, count, go, html, number, say, useApi} from "../parts.js"

const FILTERS = ["service", "api", "method", "q", "origin", "status", "authentication", "external", "sensitive", "risk", "sort"]
export default function Inventory({query}) {
  const here = "/ui/inventory", asked = new URLSearchParams()
  for (const name of [...FILTERS, "cursor"]) if (query.get(name)) asked.set(name, query.get(name))
  const found = useApi("inventory" + (asked.size ? "?" + asked : ""))
  const set = (name, value) => go(address(here, query, {[name]: value, cursor: ""}), {replace: true})
  const used = FILTERS.filter(name => name !== "sort" && query.get(name))
  const sort = query.get("sort") ?? ""
  const Sort = ({by, children, kind = ""}) => html`<th scope="col" class=${kind} aria-sort=${sort === by ? "ascending" : sort === "-" + by ? "descending" : null}><button type="button" class="sort" onClick=${() => set("sort", sort === "-" + by ? by : "-" + by)}>${children}</button></th>`
  return html`<${Title} lead=${found.data?.total != null ? count(found.data.total, "endpoint") + (used.length ? " match." : ".") : ""}>Inventory</${Title}>
    ${found.data?.counters && html`<${Counters} of=${found.data.counters} query=${query}/>`}
    <div class="filters"><${Search} label="Endpoint, API or type of data" value=${query.get("q") ?? ""} placeholder="/v1/orders" change=${value => set("q", value)}/>
      <${Select} label="Origin" value=${query.get("origin") ?? ""} options=${Object.entries(ORIGINS)} change=${value => set("origin", value)}/><${Select} label="Status" value=${query.get("status") ?? ""} options=${["Active", "Inactive", "Awaiting data"]} change=${value => set("status", value)}/>
      <${Select} label="Authentication" value=${query.get("authentication") ?? ""} options=${["Authenticated", "Mixed", "Unauthenticated", "Awaiting data"]} change=${value => set("authentication", value)}/><${Select} label="From outside" value=${query.get("external") ?? ""} options=${[["true", "yes"], ["false", "no"], ["unknown", "awaiting data"]]} change=${value => set("external", value)}/>
      <${Select} label="Sensitive data" value=${query.get("sensitive") ?? ""} options=${[["true", "yes"], ["false", "no"]]} change=${value => set("sensitive", value)}/><${Select} label="Risk" value=${query.get("risk") ?? ""} options=${["Critical", "High", "Medium", "Low"]} change=${value => set("risk", value)}/>
      ${used.length > 0 && html`<a class="button" href=${here}>Clear</a>`}<span class="end"><button type="button" onClick=${() => csv(asked)}>Download CSV</button></span></div>
    <${Loaded} of=${found} what="inventory">${data => !data.value.length ? used.length ? html`<${Empty} title="Nothing matches"><p><a href=${here}>Show every endpoint</a>.</p></${Empty}>` : html`<${Empty} title="No endpoints yet"><p>An endpoint stands here once it is called, or once the gateway's configuration is read. <a href="/ui/health">Health</a> says whether calls arrive.</p></${Empty}>`
      : html`<${Scroll} label="Endpoints"><table><thead><tr><th scope="col">endpoint</th><${Sort} by="lastCalled">last called</${Sort}><th scope="col">authentication</th><th scope="col">from outside</th><th scope="col">sensitive data</th><${Sort} by="calls" kind="n">calls</${Sort}><${Sort} by="openAlerts" kind="n">alerts</${Sort}><${Sort} by="risk">risk</${Sort}></tr></thead>
        <tbody>${data.value.map(one => html`<${Row} key=${one.id ?? one.service + one.api + one.endpoint} one=${one}/>`)}</tbody></table></${Scroll}><${More} next=${data.next} query=${query} path=${here}/>`}</${Loaded}>`
}

function Row({one}) {
  const types = [...new Set((one.sensitive ?? []).map(found => found.type))], off = Object.values(one.deviations ?? {}).reduce((a, b) => a + b, 0)
  return html`<tr><td class="break main">${one.id ? html`<a class="row" href="/ui/inventory/${one.id}">${one.endpoint}</a>` : one.endpoint}<${Origin} of=${one.origin}/><div class="sub">${one.apiName ?? one.api}${one.service ? `, ${one.service}` : ""}</div>${off > 0 && html`<div class="sub">${count(off, "deviation")} from its specification</div>`}</td>
    <td class="tight"><${Time} of=${one.lastCalled ?? one.lastSeen}/><div class="sub"><${Active} of=${one.status}/></div></td><td><${Authentication} of=${one.authentication}/></td><td class="tight">${one.external == null ? html`<span class="quiet">awaiting data</span>` : one.external ? "yes" : "no"}</td>
    <td>${types.length ? html`${types.slice(0, 2).map(type => html`<div>${type}</div>`)}${types.length > 2 && html`<div class="sub">and ${types.length - 2} more</div>`}` : html`<span class="quiet">none found</span>`}</td>
    <td class="n">${number(one.calls)}</td><td class="n">${one.openAlerts ? html`<a href=${address("/ui/alerts", "", {endpoint: one.endpoint, service: one.service})}>${number(one.openAlerts)}</a>` : html`<span class="quiet">0</span>`}</td><td class="tight">${one.risk ? html`<${Severity} of=${one.risk.band}/>` : "–"}</td></tr>`
}

const COUNTERS = [["numberOfApiEndpoints", "endpoints", {}], ["numberOfUnauthenticatedApiEndpoints", "unauthenticated", {authentication: "Unauthenticated"}], ["numberOfExternalApiEndpoints", "called from outside", {external: "true"}], ["numberOfApiEndpointsWithSensitiveDataExposed", "expose sensitive data", {sensitive: "true"}], ["numberOfInactiveApiEndpoints", "unused for 30 days", {status: "Inactive"}]]
const Counters = ({of}) => html`<div class="figures">${COUNTERS.filter(([name]) => of[name] != null).map(([name, word, query]) => html`<a class="figure" href=${address("/ui/inventory", "", query)}><span class="big">${number(of[name])}</span><span>${word}</span></a>`)}</div>`

/** Asked for with the same rights as the list, and handed to the browser as a file. */
async function csv(asked) {
  const columns = ["service", "api", "method", "template", "origin", "status", "lastCalled", "calls", "authentication", "external", "sensitive", "risk", "openAlerts", "firstSeen"]
  const text = value => { const plain = value == null ? "" : Array.isArray(value) ? [...new Set(value.map(one => one.type))].join("; ") : typeof value === "object" ? value.band ?? "" : String(value); return `"${(/^[=+\-@\t\r]/.test(plain) ? "'" : "") + plain.replaceAll('"', '""')}"` }
  const lines = [columns.join(",")]
  const next = new URLSearchParams(asked)
  next.set("limit", "200")
  try {
    for (let cursor = ""; cursor !== null;) {
      next.set("cursor", cursor); if (!cursor) next.delete("cursor")
      const some = await api("inventory?" + next)
      for (const one of some.value) lines.push(columns.map(name => text(one[name])).join(","))
      cursor = some.next ?? null
    }
  } catch (error) { say(`no file: ${error.message}`); return }
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(new Blob([lines.join("\r\n")], {type: "text/csv"})), download: "gatewatch-inventory.csv"})
  link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
