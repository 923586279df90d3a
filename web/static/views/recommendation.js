// One recommendation: why, how to mend it, which resources it is about with the evidence, and who exempted what.
import {Dialog, Head, Loaded, Scroll, Severity, State, Time, Title, api, count, html, number, say, session, useApi, useState} from "../parts.js"

export default function Recommendation({id}) {
  const found = useApi(`recommendations/${encodeURIComponent(id)}`)
  return html`<nav class="up" aria-label="Up"><a href="/ui/recommendations">Recommendations</a></nav><${Loaded} of=${found} what="recommendation" title="Recommendation">${one => html`<${View} of=${one} id=${id} reload=${found.reload}/>`}</${Loaded}>`
}

function View({of, id, reload}) {
  const [exempt, ask] = useState(null), may = session.may("Analyst")
  const lift = resource => api(`recommendations/${encodeURIComponent(id)}`, {method: "PATCH", etag: of.etag, body: {...(resource ? {resource} : {}), exempt: null}}).then(() => { say("The exemption is over"); reload() }, error => { say(`not changed: ${error.status === 412 ? "somebody was faster" : error.message}`); reload() })
  return html`<${Title} text=${of.title}>${of.title}</${Title}>
    <p class="actions facts"><${Severity} of=${of.severity}/><${State} of=${of.state}/><span>${count(of.affected ?? 0, "resource")} affected, ${number(of.healthy)} healthy</span><span class="quiet">since <${Time} of=${of.since ?? of.firstSeen}/></span></p>
    <div class="two"><section class="card"><h2>Why</h2><p>${of.description}</p><dl class="pairs">${of.owasp?.length > 0 && html`<dt>OWASP API</dt><dd>${of.owasp.join(", ")}</dd>`}${of.mcsb && html`<dt>MCSB</dt><dd>${[of.mcsb].flat().join(", ")}</dd>`}${of.defenderId && html`<dt>Defender</dt><dd class="mono break">${of.defenderId}</dd>`}${of.policyId && html`<dt>Azure Policy</dt><dd class="mono break">${of.policyId}</dd>`}${of.risk != null && html`<dt>risk</dt><dd>${number(of.risk.score ?? of.risk)}</dd>`}</dl></section>
      <section class="card"><h2>How to mend it</h2><ol>${[of.remediation ?? []].flat().map(step => html`<li>${step}</li>`)}</ol>${may && html`<div class="actions"><button type="button" onClick=${() => ask({resource: ""})}>Exempt all…</button></div>`}</section></div>
    <section class="card"><h2>Resources</h2>${of.resources?.length ? html`<${Scroll} label="Resources"><table><${Head} of=${["state", "resource", "evidence", "since", ...(may ? [""] : [])]}/><tbody>${of.resources.map(one => html`<tr><td><${State} of=${one.state}/>${one.exemption && html`<div class="sub break">by ${one.exemption.who}${one.exemption.until && html`, until <${Time} of=${one.exemption.until}/>`}: ${one.exemption.why}</div>`}</td><td class="break resource"><span title=${one.resource}>${short(one.resource)}</span>${one.cause && html`<div class="sub">${one.cause}</div>`}</td>
      <td class="break">${(one.evidence ?? []).map(piece => html`<div><code>${piece.path ?? piece}</code>${piece.value != null ? html` = <code>${String(piece.value)}</code>` : ""}</div>`)}</td><td class="tight"><${Time} of=${one.since}/></td>${may && html`<td class="do">${one.exemption ? html`<button type="button" onClick=${() => lift(one.resource)}>Lift</button>` : one.state === "open" || one.state === "unhealthy" ? html`<button type="button" onClick=${() => ask({resource: one.resource})}>Exempt…</button>` : null}</td>`}</tr>`)}</tbody></table></${Scroll}>` : html`<p class="quiet">None.</p>`}</section>
    ${of.history?.length > 0 && html`<section class="card"><h2>History</h2><ul class="list">${of.history.slice().reverse().map(one => html`<li><${State} of=${one.state}/><span class="end"><${Time} of=${one.when}/></span></li>`)}</ul></section>`}
    ${exempt && html`<${Exempt} id=${id} etag=${of.etag} resource=${exempt.resource} close=${() => ask(null)} done=${reload}/>`}`
}

/** Of an ARM id what tells one resource from the other: the service and what is in it. */
const short = id => { const at = id.search(/\/service\//i); return at < 0 ? id : id.slice(at + 9) }

function Exempt({id, etag, resource, close, done}) {
  const [why, type] = useState(""), [days, setDays] = useState(90), [wrong, setWrong] = useState("")
  const apply = event => { event.preventDefault(); api(`recommendations/${encodeURIComponent(id)}`, {method: "PATCH", etag, body: {...(resource ? {resource} : {}), exempt: {why, until: new Date(Date.now() + days * 86400000).toISOString()}}}).then(() => { say("Exempted"); close(); done() }, error => setWrong(error.status === 412 ? "somebody changed it meanwhile: close this and look again" : error.message)) }
  return html`<${Dialog} title="Exempt" close=${close}><form onSubmit=${apply}><p class="break">${resource || "Every resource that it is about"} counts as exempted until then, with your name and the reason.</p>
    <label class="field wide"><span>Why</span><input required maxlength="1000" value=${why} onInput=${e => type(e.target.value)}/></label><p><label class="field"><span>For</span><select value=${days} onChange=${e => setDays(+e.target.value)}>${[30, 90, 180, 365].map(n => html`<option value=${n}>${n} days</option>`)}</select></label></p>
    <p role="status" class="bad">${wrong && `Not changed: ${wrong}.`}</p><div class="actions"><button class="primary">Exempt</button><button type="button" onClick=${close}>Cancel</button></div></form></${Dialog}>`
}
