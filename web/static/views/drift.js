// Where the API and its description disagree: what was declared beside what was observed, and who accepted it.
import {Dialog, Empty, Head, Loaded, More, Scroll, Select, Severity, Time, Title, address, api, go, html, say, session, useApi, useState} from "../parts.js"

const DIRECTIONS = {"spec-behind": "description is behind", "api-off": "API is off"}

export default function Drift({query}) {
  const here = "/ui/drift", asked = new URLSearchParams()
  for (const name of ["kind", "state", "cursor"]) if (query.get(name)) asked.set(name, query.get(name))
  const found = useApi("drift" + (asked.size ? "?" + asked : "")), [ask, setAsk] = useState(null), may = session.may("Analyst")
  const set = (name, value) => go(address(here, query, {[name]: value, cursor: ""}), {replace: true})
  const lift = one => api(`drift/${encodeURIComponent(one.id)}`, {method: "PATCH", etag: one.etag ?? "*", body: {accept: null}}).then(() => { say("No longer accepted"); found.reload() }, error => say(`not changed: ${error.message}`))
  const kinds = [...new Set([...(found.data?.value ?? []).map(one => one.kind), ...(query.get("kind") ? [query.get("kind")] : [])])].sort()
  return html`<${Title} lead="Where the API and its description disagree.">Drift</${Title}>
    <div class="filters"><${Select} label="Kind" value=${query.get("kind") ?? ""} options=${kinds} change=${value => set("kind", value)}/><${Select} label="State" value=${query.get("state") ?? ""} options=${["open", "accepted", "closed"]} change=${value => set("state", value)}/></div>
    <${Loaded} of=${found} what="drift">${data => !data.value.length ? query.size ? html`<${Empty} title="Nothing matches"><p><a href=${here}>Show all drift</a>.</p></${Empty}>` : html`<${Empty} title="No drift is known"><p>What is called is what is declared, as far as traffic shows; or no declaration has been read yet.</p></${Empty}>`
      : html`<${Scroll} label="Drift"><table class="snug"><${Head} of=${["severity", "what", "endpoint", "declared", "observed", "first, last", ...(may ? [""] : [])]}/><tbody>${data.value.map(one => html`<tr key=${one.id}><td><${Severity} of=${one.severity}/></td><td class="word">${one.title ?? one.kind}${one.subject && html` <code class="break">${one.subject}</code>`}<div class="sub">${DIRECTIONS[one.direction] ?? one.direction}</div></td><td class="break">${one.endpointId ? html`<a href="/ui/inventory/${one.endpointId}">${one.endpoint}</a>` : one.endpoint}</td><td class="break value">${shown(one.declared)}</td><td class="break value">${shown(one.observed)}</td><td class="tight"><${Time} of=${one.first}/><div class="sub"><${Time} of=${one.last}/></div></td>
        ${may && html`<td class="do">${one.state === "accepted" ? html`<div class="sub break">accepted by ${one.accepted?.who}: ${one.accepted?.why}</div><button type="button" onClick=${() => lift(one)}>Undo</button>` : html`<button type="button" onClick=${() => setAsk(one)}>Accept…</button>`}</td>`}</tr>`)}</tbody></table></${Scroll}><${More} next=${data.next} query=${query} path=${here}/>`}</${Loaded}>
    ${ask && html`<${Accept} of=${ask} close=${() => setAsk(null)} done=${found.reload}/>`}`
}
const shown = value => value == null || value === "" ? html`<span class="quiet">nothing</span>` : typeof value === "object" ? html`<code>${JSON.stringify(value)}</code>` : String(value)

function Accept({of, close, done}) {
  const [why, type] = useState(""), [wrong, setWrong] = useState("")
  const apply = event => { event.preventDefault(); api(`drift/${encodeURIComponent(of.id)}`, {method: "PATCH", etag: of.etag ?? "*", body: {accept: {why}}}).then(() => { say("Accepted"); close(); done() }, error => setWrong(error.message)) }
  return html`<${Dialog} title="Accept this difference" close=${close}><form onSubmit=${apply}><p class="break">${of.kind} at ${of.endpoint?.endpoint ?? of.endpoint} stays known and counts no longer as open, with your name and the reason.</p><label class="field wide"><span>Why</span><input required maxlength="1000" value=${why} onInput=${e => type(e.target.value)}/></label><p role="status" class="bad">${wrong && `Not changed: ${wrong}.`}</p><div class="actions"><button class="primary">Accept</button><button type="button" onClick=${close}>Cancel</button></div></form></${Dialog}>`
}
