// Every promise, when it was last kept, and one person's data: handed out or erased.
import {Dialog, Head, Loaded, Mark, Scroll, Tag, Time, Title, api, count, html, number, save, say, useApi, useState} from "../parts.js"

const KINDS = [["ip", "Address (IP)"], ["subscriptionId", "Subscription"], ["userId", "User of the gateway"], ["identity", "Subject of a token"]]

export default function Privacy() {
  const found = useApi("privacy", {every: 60})
  return html`<${Title} lead="What is kept, until when, and when that was last made true.">Privacy</${Title}><${Loaded} of=${found} what="privacy">${data => html`<${View} of=${data} reload=${found.reload}/>`}</${Loaded}>`
}

function View({of, reload}) {
  const last = of.purges[0], late = last ? Object.values(last.late).reduce((a, b) => a + b, 0) : 0
  const broken = of.places.filter(place => place.goneBy && new Date(place.goneBy) < new Date(of.time))
  const problems = of.problems
  return html`<section class="card ${problems.length || late || broken.length ? "edge-bad" : "edge-good"}" aria-label="Verdict"><p class="verdict"><${Mark} good=${!(problems.length || late || broken.length)}>${problems.length || late || broken.length ? "A promise needs somebody" : "Every promise is kept"}</${Mark}></p>
      ${problems.length > 0 && html`<ul>${problems.map(one => html`<li>${one}</li>`)}</ul>`}
      <dl class="pairs"><dt>last purge</dt><dd>${last ? html`<${Time} of=${last.started}/> (<${Time} of=${last.started} relative=${true}/>), ${number(Object.values(last.removed).reduce((a, b) => a + b, 0))} removed in ${number(last.seconds)} s${last.complete ? "" : ", not finished"}` : "none yet: it runs each hour"}</dd>
      <dt>late</dt><dd>${late ? `${number(late)}, the worst by ${number(last.worstSeconds / 60)} minutes` : "nothing"}</dd><dt>legal hold</dt><dd>${of.legalHold ? html`until ${of.legalHold.until}: ${of.legalHold.reason}` : "none"}</dd><dt>geography</dt><dd>${of.geography ?? "not bound to one"}</dd></dl></section>
    <section class="card"><h2>Promises</h2><${Scroll} label="Promises"><table><${Head} of=${["place and what it holds", "promise", "oldest", "gone by", ["items", "n"], ["last purge took", "n"], ["late", "n"]]}/><tbody>${of.places.map(place => html`<tr><td class="main holds"><strong>${place.name ?? place.place}</strong> <span class="quiet">${place.kind}</span>${place.personal && html` <${Tag}>personal</${Tag}>`}<div class="sub">${place.holds}</div></td><td class="word">${place.promise ?? place.longest ?? "–"}${place.countedFrom && html`<div class="sub">from ${place.countedFrom}</div>`}</td>
      <td class="tight"><${Time} of=${place.oldest}/></td><td class="tight">${place.goneBy && new Date(place.goneBy) < new Date(of.time) ? html`<${Mark} good=${false}><${Time} of=${place.goneBy}/></${Mark}>` : html`<${Time} of=${place.goneBy}/>`}</td><td class="n">${number(place.items)}</td><td class="n">${number(place.removedByLastPurge)}</td><td class="n">${last?.late[place.place] ? html`<strong class="bad">${number(last.late[place.place])}</strong>` : "0"}</td></tr>`)}</tbody></table></${Scroll}></section>
    <${Person} done=${reload}/>
    <section class="card"><h2>Requests</h2>${of.requests?.length ? html`<${Scroll} label="Requests"><table><${Head} of=${["asked", "what", "for", "by", "stage", "finished", ["items", "n"]]}/><tbody>${of.requests.map(one => html`<tr><td class="tight"><${Time} of=${one.asked}/></td><td>${one.kind}</td><td>${KINDS.find(([kind]) => kind === one.subjectKind)?.[1] ?? one.subjectKind ?? ""}</td><td class="break">${one.by}</td><td>${one.stage}</td><td class="tight"><${Time} of=${one.finished}/></td><td class="n">${number(one.items)}</td></tr>`)}</tbody></table></${Scroll}><p class="quiet">A request is remembered without whom it was about.</p>` : html`<p class="quiet">Nobody has asked yet.</p>`}</section>
    <div class="two"><section class="card"><h2>Purges</h2>${of.purges.length ? html`<${Scroll} label="Purges"><table><${Head} of=${["started", ["removed", "n"], ["late", "n"], ["seconds", "n"], "problems"]}/><tbody>${of.purges.map(run => html`<tr><td class="tight"><${Time} of=${run.started}/></td><td class="n">${number(Object.values(run.removed).reduce((a, b) => a + b, 0))}</td><td class="n">${number(Object.values(run.late).reduce((a, b) => a + b, 0))}</td><td class="n">${number(run.seconds)}</td><td>${run.problems.length ? run.problems.join("; ") : html`<span class="quiet">none</span>`}</td></tr>`)}</tbody></table></${Scroll}>` : html`<p class="quiet">None yet: the first runs within the hour.</p>`}</section>
      <section class="card"><h2>What cannot be seen from here</h2><ul>${of.notSeen.map(one => html`<li>${one}</li>`)}</ul></section></div>`
}

/** One person: export first, erase with the name typed a second time. */
function Person({done}) {
  const [kind, setKind] = useState("ip"), [value, type] = useState(""), [erase, ask] = useState(false), [wrong, setWrong] = useState(""), [busy, setBusy] = useState(false), [request, setRequest] = useState(null)
  const subject = () => ({subject: {[kind]: value.trim()}})
  const take = () => { setBusy(true); setWrong(""); api("dsr/export", {method: "POST", body: subject()}).then(answer => { if (answer.items !== undefined && answer.status !== undefined) setRequest(answer); else { file(answer); say(`Export: ${count(answer.items?.length ?? 0, "item")}`) } done() }, error => setWrong(error.message)).finally(() => setBusy(false)) }
  return html`<section class="card"><h2>One person's data</h2><form class="filters" onSubmit=${event => { event.preventDefault(); take() }}><label class="field"><span>Known by</span><select value=${kind} onChange=${e => setKind(e.target.value)}>${KINDS.map(([of, word]) => html`<option value=${of}>${word}</option>`)}</select></label>
      <label class="field"><span>${KINDS.find(([of]) => of === kind)[1]}</span><input required autocomplete="off" spellcheck=${false} value=${value} onInput=${e => type(e.target.value)}/></label><button disabled=${busy || !value.trim()}>${busy ? "Searching…" : "Export"}</button><button type="button" class="danger" disabled=${!value.trim()} onClick=${() => ask(true)}>Erase…</button></form>
      <p role="status" class=${wrong ? "bad" : "quiet"}>${wrong ? `${wrong}.` : "Every export and erasure is recorded with who asked, and without whom it was about."}</p>
      ${request && html`<${Follow} request=${request}/>`}
      ${erase && html`<${Erase} subject=${subject()} value=${value.trim()} close=${() => ask(false)} done=${answer => { ask(false); setRequest(answer); type(""); done() }}/>`}</section>`
}

function Erase({subject, value, close, done}) {
  const [again, type] = useState(""), [wrong, setWrong] = useState(""), [busy, setBusy] = useState(false)
  const apply = event => { event.preventDefault(); setBusy(true); api("dsr/delete", {method: "POST", body: subject}).then(answer => { say("The erasure has begun"); done(answer) }, error => setWrong(error.message)).finally(() => setBusy(false)) }
  return html`<${Dialog} title="Erase one person" close=${close}><form onSubmit=${apply}><p>Everything that Gatewatch holds of <strong class="break">${value}</strong> goes: counts, the ledger, messages in quarantine, and the name in alerts. It cannot be undone. A second search some minutes later proves that nothing was written meanwhile.</p>
    <label class="field wide"><span>Type it again to confirm</span><input autocomplete="off" spellcheck=${false} value=${again} onInput=${e => type(e.target.value)}/></label><p role="status" class="bad">${wrong && `Not erased: ${wrong}.`}</p>
    <div class="actions"><button class="danger" disabled=${busy || again.trim() !== value}>${busy ? "Erasing…" : "Erase"}</button><button type="button" onClick=${close}>Cancel</button></div></form></${Dialog}>`
}

function Follow({request}) {
  const now = useApi(`dsr/${request.id}`, {every: 5}), one = now.data?.stage ? now.data : request
  const removed = Object.entries(one.erased ?? {}).filter(([, n]) => n)
  return html`<div class="preview" role="status"><p><strong>${one.kind === "erase" ? "Erasure" : "Export"}</strong> ${one.id}: ${one.finished ? "finished" : one.stage ?? "under way"}${removed.length ? `; ${removed.map(([place, n]) => `${number(n)} in ${place}`).join(", ")}` : ""}.</p>
    ${one.searchedAgainFrom && html`<p>It is searched for again from <${Time} of=${one.searchedAgainFrom}/>.</p>`}${one.verified && html`<p><${Mark} good=${!Object.values(one.verified.found ?? {}).some(Boolean)}>Searched again <${Time} of=${one.verified.at}/></${Mark}></p>`}${one.note && typeof one.note === "string" && html`<p>${one.note}</p>`}
    ${now.data?.items?.length != null && html`<p><button type="button" onClick=${() => file(now.data)}>Save the export</button></p>`}</div>`
}

const file = content => save(JSON.stringify(content, null, 1), "gatewatch-export.json", "application/json")
