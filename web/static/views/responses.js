// What is blocked, slowed or suspended in the gateway just now, by whom, until when, and what it stopped.
import {Empty, Head, Loaded, Scroll, Tag, Time, Title, api, html, number, say, session, useApi, useState} from "../parts.js"

export default function Responses() {
  const found = useApi("responses", {every: 15})
  const undo = one => api(`responses/${encodeURIComponent(one.id)}`, {method: "DELETE"}).then(() => { say("Undone"); found.reload() }, error => say(`it stays: ${error.message}`))
  return html`<${Title} lead="In the gateway, each over by itself.">Responses</${Title}><${Loaded} of=${found} what="responses">${data => html`${data.mayWrite === false && html`<div class="banner"><span>Not set up to act: the app may look at the gateway's list and not write it. <code>GATEWATCH_RESPONSE</code> of the deployment changes that.</span></div>`}${data.notice && html`<div class="banner bad">${data.notice}</div>`}${!data.value.length
    ? html`<${Empty} title="Nothing is in force"><p>A response is made from an alert that accuses somebody: Respond says first what it would hit.</p></${Empty}>`
    : html`<${Scroll} label="Responses"><table><${Head} of=${["state", "action", "against", "until", ["calls stopped", "n"], "by", "why", ...(session.may("Analyst") ? [""] : [])]}/><tbody>${data.value.map(one => html`<${Row} key=${one.id} one=${one} undo=${session.may("Analyst") ? undo : null}/>`)}</tbody></table></${Scroll}>`}`}</${Loaded}>`
}

function Row({one, undo}) {
  const [sure, ask] = useState(false), over = one.undoneAt || new Date(one.expires) < new Date()
  return html`<tr><td>${over ? html`<${Tag}>${one.undoneAt ? "undone" : "over"}</${Tag}>` : one.mode === "dry" ? html`<${Tag} kind="warn">dry run</${Tag}>` : html`<${Tag} kind="bad">in force</${Tag}>`}</td><td>${one.action}</td><td class="mono break">${typeof one.target === "object" ? Object.values(one.target)[0] : one.target}${one.rule && html`<div class="sub break">${typeof one.rule === "string" ? one.rule : JSON.stringify(one.rule)}</div>`}</td><td class="tight"><${Time} of=${one.expires}/></td>
    <td class="n">${one.mode !== "on" && one.callsWouldStop != null ? html`${number(one.callsWouldStop)}<div class="sub">would have been</div>` : one.callsStopped == null ? html`<span class="quiet">not known</span>` : number(one.callsStopped)}</td><td class="break">${one.who}<div class="sub"><${Time} of=${one.when}/></div>${one.undoneBy && html`<div class="sub">undone by ${one.undoneBy}, <${Time} of=${one.undoneAt}/></div>`}</td><td>${one.alert ? html`<a href="/ui/alerts/${one.alert}">its alert</a>` : html`<span class="quiet">by hand</span>`}</td>
    ${undo && html`<td class="do">${over ? null : sure ? html`<button type="button" class="danger" onClick=${() => undo(one)}>Really undo</button>` : html`<button type="button" onClick=${() => ask(true)}>Undo</button>`}</td>`}</tr>`
}
