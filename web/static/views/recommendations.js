// What to mend in the gateway's configuration and its endpoints, worst first.
import {Empty, Head, Loaded, More, SEVERITIES, STATES, Scroll, Select, Severity, State, Time, Title, address, go, html, number, useApi} from "../parts.js"

export default function Recommendations({query}) {
  const here = "/ui/recommendations", asked = new URLSearchParams()
  for (const name of ["state", "severity", "resource", "cursor"]) if (query.get(name)) asked.set(name, query.get(name))
  const found = useApi("recommendations" + (asked.size ? "?" + asked : ""))
  const posture = useApi("posture")
  const set = (name, value) => go(address(here, query, {[name]: value, cursor: ""}), {replace: true})
  const counts = found.data?.counts ?? {}
  return html`<${Title} lead="Judged on the gateway's own configuration and on what really calls it.">Recommendations</${Title}>
    <${Snapshot} of=${posture.data}/>
    <div class="chips" role="group" aria-label="Severity">${["", ...SEVERITIES].map(of => html`<a class="chip" href=${address(here, query, {severity: of, cursor: ""})} aria-current=${(query.get("severity") ?? "") === of ? "true" : null}>${of || "Any"}${of && counts[of] != null ? html` <b>${number(counts[of])}</b>` : ""}</a>`)}</div>
    <div class="filters"><${Select} label="State" value=${query.get("state") ?? ""} options=${Object.entries(STATES)} change=${value => set("state", value)}/>${query.get("resource") && html`<span class="chip">resource <b class="break">${query.get("resource")}</b> <a href=${address(here, query, {resource: ""})} aria-label="any resource">×</a></span>`}</div>
    <${Loaded} of=${found} what="recommendations">${data => !data.value.length ? query.size ? html`<${Empty} title="Nothing matches"><p><a href=${here}>Show all recommendations</a>.</p></${Empty}>` : html`<${Empty} title="Nothing to recommend (yet)"><p>The gateway's configuration is read once a day. <a href="/ui/health">Health</a> says when it was last.</p></${Empty}>`
      : html`<${Scroll} label="Recommendations"><table><${Head} of=${["severity", "recommendation", "state", ["affected", "n"], ["healthy", "n"], ["risk", "n"], "OWASP", "since"]}/><tbody>${data.value.map(one => html`<tr key=${one.id}><td><${Severity} of=${one.severity}/></td><td class="wide"><a class="row" href="/ui/recommendations/${encodeURIComponent(one.id)}">${one.title}</a>${one.defenderId && html`<div class="sub">also one of Defender's</div>`}</td><td><${State} of=${one.state}/></td>
        <td class="n">${number(one.affected)}</td><td class="n">${number(one.healthy)}${one.unknown ? html`<div class="sub tight">${number(one.unknown)} unknown</div>` : ""}</td><td class="n">${number(one.risk?.score ?? one.risk)}</td><td class="tight">${(one.owasp ?? []).map(name => html`<div>${String(name).split(":")[0]}</div>`)}</td><td class="tight"><${Time} of=${one.since ?? one.firstSeen}/></td></tr>`)}</tbody></table></${Scroll}><${More} next=${data.next} query=${query} path=${here}/>`}</${Loaded}>`
}
export function Snapshot({of}) {
  if (!of?.services?.length) return of?.notice ? html`<div class="banner">Not set up: ${of.notice}.</div>` : null
  return html`<p class="quiet">${of.services.map(one => html`<span title=${one.service}>${String(one.service).split("/").at(-1)}: read <${Time} of=${one.snapshotAt} relative=${true}/>${one.complete === false ? `, ${typeof one.progress === "number" ? Math.round(one.progress * 100) + " % of it" : "not wholly"}` : ""}${one.notice ? ` (${one.notice})` : ""}. </span>`)}</p>`
}
