// One alert: what happened, what was usual, the line that was crossed, what would have silenced it, and what to do.
import {Copy, Dialog, Failed, Mark, Severity, Status, STATUSES, Tag, Time, Title, Waiting, address, api, copy, count, countryName, draft, html, number, say, session, statusWord, useApi, useEffect, useState, when, zone} from "../parts.js"
import {Series} from "../chart.js"

const SHOWN_APART = new Set(["Detection Team", "Detected by", "Event of Interest", "Historical Behavior", "Deviation from Historical Behavior", "Potential causes", "Would have stayed silent if", "Observed Status Codes", "ResourceId", "SubscriptionId", "Url", "Api Endpoint", "Actor", "Actor (Client IP)", "Baseline age", "Severity", "Gatewatch Detector", "OWASP API Security Top 10 2019", "OWASP API Security Top 10 2023", "Expected at this hour", "Parameter of Interest", "Windows"])

export default function Alert({id}) {
  const found = useApi(`alerts/${encodeURIComponent(id)}`)
  const [ask, setAsk] = useState("")
  const alert = found.data
  useEffect(() => {
    if (!alert) return
    const timer = setInterval(() => { if (!document.hidden) api(`alerts/${encodeURIComponent(id)}`).then(fresh => { if (fresh.etag === alert.etag && fresh.properties.endTimeUtc !== alert.properties.endTimeUtc) found.put(() => fresh) }, () => {}) }, 15000)
    return () => clearInterval(timer)
  }, [alert?.etag])
  const up = html`<nav class="up" aria-label="Up"><a href="/ui/alerts">Alerts</a></nav>`
  if (!alert) return html`${up}${found.error ? html`<${Title}>Alert</${Title}><${Failed} error=${found.error} what="this alert" retry=${found.reload}/>` : html`<${Waiting} what="the alert"/>`}`
  const one = alert.properties, about = alert.about, more = one.extendedProperties, evidence = one.supportingEvidence
  return html`${up}<${Title} text=${one.alertDisplayName}>${one.alertDisplayName}</${Title}>
    <p class="actions facts"><${Severity} of=${one.severity}/><${Status} of=${one.status}/>${about.open ? html`<${Tag} kind="warn">still going on</${Tag}>` : html`<${Tag}>over</${Tag}>`}${about.suppressed && html`<${Tag}>suppressed</${Tag}>`}
      <span><strong class="break">${one.compromisedEntity}</strong></span><span class="quiet"><${Time} of=${one.startTimeUtc}/> to <${Time} of=${one.endTimeUtc}/> ${zone()}</span></p>
    <${Triage} alert=${alert} put=${found.put} reload=${found.reload} ask=${setAsk}/>
    <section class="card" aria-labelledby="what"><h2 id="what">What happened</h2>
      <p class="event">${more["Event of Interest"]}</p>
      <${Figures} evidence=${evidence}/>
      <dl class="pairs"><dt>usual</dt><dd>${more["Historical Behavior"]}</dd>${more["Deviation from Historical Behavior"] !== "not measured" && html`<dt>deviation</dt><dd>${more["Deviation from Historical Behavior"]}</dd>`}
        ${more["Observed Status Codes"] && html`<dt>answered</dt><dd>${more["Observed Status Codes"]}</dd>`}<dt>severity</dt><dd>${more.Severity ?? one.severity}</dd><dt>baseline</dt><dd>${more["Baseline age"]}</dd></dl></section>
    ${evidence.points && html`<section class="card" aria-labelledby="picture"><h2 id="picture">The 48 hours before${about.actor ? html`: <span class="break">${about.actor}</span>` : ": everybody together"}</h2><${Picture} alert=${alert}/><${Silent} alert=${alert}/></section>`}
    ${!evidence.points && html`<section class="card"><h2>What would have silenced it</h2><${Silent} alert=${alert}/></section>`}
    <div class="two"><section class="card"><h2>What to do</h2><ol>${one.remediationSteps.map(step => html`<li>${step}</li>`)}</ol><h3>What it may be</h3><p>${more["Potential causes"]}</p></section>
      <section class="card"><h2>Who and where</h2><dl class="pairs"><dt>actor</dt><dd>${about.actor ? html`<span class="mono break">${about.actor}</span> <a href=${address("/ui/alerts", "", {actor: about.actor})}>its alerts</a>` : "everybody together"}</dd>
        ${alert.registeredIn && html`<dt>${alert.registeredIn.label}</dt><dd><span title=${alert.registeredIn.source}>${countryName(alert.registeredIn.country)}</span></dd>`}
        <dt>endpoint</dt><dd><a href="/ui/inventory/${about.endpointId}">${about.endpoint}</a> <a class="quiet" href=${address("/ui/alerts", "", {endpoint: about.endpoint, service: about.service})}>its alerts</a></dd>
        <dt>API, service</dt><dd>${about.api || "none"}, ${about.service || "unnamed"}</dd>${about.parameter && html`<dt>parameter</dt><dd><code>${about.parameter}</code></dd>`}
        <dt>detector</dt><dd><a href=${address("/ui/alerts", "", {detector: about.detector})}>${about.detector}</a></dd>
        <dt>incident</dt><dd>${one.correlationKey ? html`<a href="/ui/incidents/${one.correlationKey}">everything that belongs together</a>` : "none"}</dd>
        <dt>ATT&CK</dt><dd>${one.intent}${one.techniques.length ? ": " + [...one.techniques, ...one.subTechniques].join(", ") : ""}</dd>
        <dt>OWASP 2023</dt><dd>${more["OWASP API Security Top 10 2023"] || "–"}</dd>
        ${Object.entries(more).filter(([name]) => !SHOWN_APART.has(name)).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></section></div>
    ${alert.responses?.length > 0 && html`<section class="card"><h2>Responses</h2><ul class="list">${alert.responses.map(one => html`<li><${Tag} kind=${one.undoneAt || new Date(one.expires) < new Date() ? "" : one.mode === "on" ? "bad" : "warn"}>${one.undoneAt ? "undone" : new Date(one.expires) < new Date() ? "over" : one.mode === "on" ? "in force" : "dry run"}</${Tag}><span>${one.action} until <${Time} of=${one.expires}/></span><a href="/ui/responses">all responses</a><span class="end break">${one.who}, <${Time} of=${one.when}/></span></li>`)}</ul></section>`}
    <${Changes} changes=${alert.changes}/>
    <details class="card"><summary>JSON, as Microsoft.Security/alerts</summary><pre tabindex="0">${JSON.stringify(alert, null, 2)}</pre></details>
    ${ask === "expected" && html`<${Expected} alert=${alert} put=${found.put} reload=${found.reload} close=${() => setAsk("")}/>`}
    ${ask === "suppress" && html`<${Suppress} alert=${alert} close=${() => setAsk("")}/>`}
    ${ask === "respond" && html`<${Respond} alert=${alert} close=${() => setAsk("")}/>`}`
}

const Figures = ({evidence}) => evidence.observed == null ? null : html`<div class="figures"><div class="figure"><span class="big">${number(evidence.observed)}</span><span>${evidence.unit} observed</span></div>
  <div class="figure"><span class="big">${number(evidence.expected)}</span><span>${evidence.expected == null ? evidence.threshold == null ? "nothing to expect: judged call by call" : "no usual is known" : evidence.judged === "actor" ? "usual for one caller" : "expected at this hour"}</span></div>
  ${evidence.threshold != null && html`<div class="figure"><span class="big">${number(evidence.threshold)}</span><span>tolerated</span></div>`}
  ${(evidence.standardDeviations != null || evidence.timesExpected != null) && html`<div class="figure"><span class="big">${evidence.standardDeviations != null ? number(evidence.standardDeviations) : number(evidence.timesExpected) + "×"}</span><span>${evidence.standardDeviations != null ? `standard deviations above the mean of ${evidence.mean.toFixed(2)} ± ${evidence.standardDeviation.toFixed(2)}` : "the usual"}</span></div>`}</div>`

function Picture({alert}) {
  const one = alert.properties, evidence = one.supportingEvidence, judged = evidence.judged
  const own = judged === "actor" && evidence.points.some(p => p.actor != null)
  const title = `${words(evidence.series)} in windows of 20 minutes, 48 hours`
  const everyone = evidence.points.map(p => judged === "actor" ? {...p, limit: null} : p)
  if (judged !== "actor") return html`<${Series} points=${everyone} from=${one.startTimeUtc} to=${one.endTimeUtc} title=${title} unit=${evidence.unit}/>`
  return html`${own ? html`<${Series} points=${evidence.points.map(p => ({start: p.start, observed: p.actor, expected: null, limit: p.limit}))} from=${one.startTimeUtc} to=${one.endTimeUtc} title="${title}, by ${alert.about.actor}" who="this caller" unit=${evidence.unit}/>
      <p class="quiet">A caller's windows are known once they are closed, an hour after their end.</p>` : html`<p class="quiet">${unknown(alert)}</p>`}
    <h3>Everybody together at this endpoint</h3><${Series} points=${everyone} from=${one.startTimeUtc} to=${one.endTimeUtc} title="${title}, by everybody" who="everybody"/>`
}
/** Why an actor has no line of its own. */
const unknown = alert => alert.about.actorKind === "identity"
  ? "This caller has no line of its own: Gatewatch keeps what addresses did, window by window, and of a subscription, a user or a token only what it is accused of, so that less is kept of people."
  : `This caller has no line of its own: what is kept of an address, window by window, are its calls by endpoint and status class, and this alert counts ${alert.properties.supportingEvidence.unit}.`
const words = series => /^\dxx$/.test(series) ? `Calls answered ${series.toUpperCase()}` : series === "auth" ? "Refused calls (401, 403)" : series.startsWith("distinct:") ? `Distinct values of ${series.slice(9)}` : series

function Silent({alert}) {
  const text = alert.properties.extendedProperties["Would have stayed silent if"]
  if (!text) return null
  return html`<div class="silent"><p><strong>Would have stayed silent if</strong> ${text}.</p><details class="no-print"><summary>As a line of detectors.json</summary><pre tabindex="0">${limitsLine(alert)}</pre><p><${Copy} text=${limitsLine(alert)} what="line"/> It raises the limit for this endpoint alone; <code>docs/alerts.md</code> says where the file goes.</p></details></div>`
}
/** The smallest change of limits that would have kept this detector silent here. */
export function limitsLine(alert) {
  const {detector, service, api, endpoint, limits, actor} = alert.about, evidence = alert.properties.supportingEvidence
  const names = (actor && "ip_floor" in limits ? ["ip_floor"] : ["floor", "few_floor", "young_floor"]).filter(name => name in limits)
  const where = endpoint === "* *" ? {service} : {service, ...(api ? {api} : {}), endpoint}
  const change = names.length && evidence.threshold != null ? {limits: {[detector]: Object.fromEntries(names.map(name => [name, Math.floor(evidence.observed) + 1]))}} : {off: [detector]}
  return JSON.stringify({where: [{...where, ...change}]}, null, 1)
}

// ---- what analysts do --------------------------------------------------------------------------------------------------

function Triage({alert, put, reload, ask}) {
  const id = alert.name, status = alert.properties.status
  const [comment, type] = useState(draft.read(id)), [busy, setBusy] = useState(""), [conflict, setConflict] = useState(null), [wrong, setWrong] = useState("")
  const write = text => { type(text); draft.write(id, text) }
  const change = (wanted, etag = alert.etag) => {
    setBusy(wanted); setWrong("")
    api(`alerts/${id}`, {method: "PATCH", etag, body: {...(wanted ? {status: wanted} : {}), comment}}).then(fresh => { put(() => fresh); write(""); setConflict(null); say(wanted ? `Now ${statusWord(wanted)}` : "Comment kept") },
      error => error.status === 412 ? setConflict({wanted, current: error.body.current}) : setWrong(error.message)).finally(() => setBusy(""))
  }
  const copies = html`<${Copies} alert=${alert}/>`
  if (!session.may("Analyst")) return html`<div class="actions">${copies}<span class="quiet">You may read; changing an alert needs the role Analyst.</span></div>`
  return html`<section class="card triage" aria-label="Decide">
    <div class="actions">${STATUSES.filter(one => one !== status).map(one => html`<button type="button" class=${one === "InProgress" && status === "Active" ? "primary" : ""} disabled=${!!busy} onClick=${() => change(one)}>${one === "InProgress" ? "Take it" : one === "Resolved" ? "Resolve" : one === "Dismissed" ? "Dismiss" : "Reopen"}</button>`)}
      <button type="button" onClick=${() => ask("expected")}>Expected…</button><button type="button" onClick=${() => ask("suppress")}>Suppress…</button>${alert.about.actor && html`<button type="button" onClick=${() => ask("respond")}>Respond…</button>`}<span class="grow"></span>${copies}</div>
    <label class="field wide"><span>Comment, kept with the change</span><textarea rows="2" maxlength="1000" value=${comment} onInput=${e => write(e.target.value)}></textarea></label>
    ${comment.trim() && html`<div class="actions"><button type="button" disabled=${!!busy} onClick=${() => change("")}>Comment only</button></div>`}
    <p role="status" class="bad">${wrong && `Not changed: ${wrong}.`}</p>
    ${conflict && html`<${Conflict} mine=${{...conflict, comment}} seen=${alert} again=${() => change(conflict.wanted, conflict.current.etag)} theirs=${() => { put(() => conflict.current); setConflict(null); reload() }}/>`}</section>`
}

/** Somebody else was faster: what they did beside what you wanted; your text stays. */
function Conflict({mine, seen, again, theirs}) {
  const fresh = mine.current.changes.slice(seen.changes.length), last = fresh.at(-1)
  return html`<div class="banner bad conflict" role="alert"><div><p><strong>${last ? html`${last.by} made it ${statusWord(last.status)} <${Time} of=${last.at} relative=${true}/>` : "It was changed meanwhile"}</strong>, after you had read it. Nothing of yours was written, nothing is lost.</p>
    <table><thead><tr><th scope="col"></th><th scope="col">as you read it</th><th scope="col">as it is now</th><th scope="col">as you want it</th></tr></thead><tbody>
      <tr><th scope="row">status</th><td>${statusWord(seen.properties.status)}</td><td><strong>${statusWord(mine.current.properties.status)}</strong></td><td>${mine.wanted ? statusWord(mine.wanted) : "unchanged"}</td></tr>
      <tr><th scope="row">comment</th><td>${seen.changes.at(-1)?.comment || "–"}</td><td><strong>${last?.comment || "–"}</strong></td><td>${mine.comment || "–"}</td></tr></tbody></table>
    <p class="actions"><button type="button" class="primary" onClick=${again}>Apply mine on top</button><button type="button" onClick=${theirs}>Keep theirs</button></p></div></div>`
}

const Changes = ({changes}) => html`<section class="card"><h2>Changes</h2>${changes.length ? html`<ul class="list">${changes.slice().reverse().map(change => html`<li><${Status} of=${change.status}/>${change.expected && html`<${Tag}>expected</${Tag}>`}<span class="break">${change.comment || html`<span class="quiet">no comment</span>`}</span><span class="end break">${change.by}, <${Time} of=${change.at}/></span></li>`)}</ul>` : html`<p class="quiet">Nobody has touched it.</p>`}</section>`

function Expected({alert, put, reload, close}) {
  const [comment, type] = useState(draft.read(alert.name)), [wrong, setWrong] = useState("")
  const apply = event => {
    event.preventDefault()
    api(`alerts/${alert.name}`, {method: "PATCH", etag: alert.etag, body: {expected: true, comment}}).then(fresh => { put(() => fresh); draft.write(alert.name, ""); say("Expected: dismissed, suppressed for 24 hours, learned tonight"); close() },
      error => { setWrong(error.status === 412 ? "somebody changed it meanwhile: close this and look again" : error.message); if (error.status === 412) reload() })
  }
  return html`<${Dialog} title="This was expected" close=${close}><form onSubmit=${apply}><p>Three things happen:</p><ol><li>This alert becomes <strong>Dismissed</strong>.</li><li>The same (${alert.about.detector}, ${alert.about.endpoint}${alert.about.actor ? `, ${alert.about.actor}` : ""}) is told to nobody for <strong>24 hours</strong>.</li><li>The baseline <strong>learns</strong> what was counted, tonight, and tolerates as much from then on.</li></ol>
    <p class="quiet">For something that should stay suspicious but be silent, suppress it instead.</p>
    <label class="field wide"><span>Why it was expected</span><textarea rows="2" maxlength="1000" value=${comment} onInput=${e => type(e.target.value)}></textarea></label>
    <p role="status" class="bad">${wrong && `Not changed: ${wrong}.`}</p><div class="actions"><button class="primary">It was expected</button><button type="button" onClick=${close}>Cancel</button></div></form></${Dialog}>`
}

const hoursFromNow = hours => new Date(Date.now() + hours * 3600000)
const SPANS = [[24, "1 day"], [168, "7 days"], [720, "30 days"], [2160, "90 days"], [8760, "365 days"]]

/** The form of a rule, filled in from the alert, with what it would have covered. */
export function Suppress({alert, close}) {
  const about = alert.about
  const [parts, setParts] = useState({detector: true, endpoint: about.endpoint !== "* *", actor: !!about.actor}), [hours, setHours] = useState(168), [comment, type] = useState(""), [preview, setPreview] = useState(null), [wrong, setWrong] = useState(""), [confirm, setConfirm] = useState("")
  const body = () => ({service: about.service, ...(parts.detector ? {detector: about.detector} : {}), ...(parts.endpoint ? {api: about.api, endpoint: about.endpoint} : {}), ...(parts.actor ? {actor: about.actor} : {}), until: hoursFromNow(hours).toISOString(), comment, ...(confirm.trim() && preview?.tooBroad ? {confirm: confirm.trim()} : {})})
  useEffect(() => {
    const control = new AbortController()
    setPreview(null)
    api("suppressions/preview", {method: "POST", body: {...body(), comment: "", confirm: undefined}, signal: control.signal}).then(answer => { setPreview(answer); setWrong("") }, error => { if (error.name !== "AbortError") setWrong(error.message) })
    return () => control.abort()
  }, [parts, hours])
  const make = event => { event.preventDefault(); api("suppressions", {method: "POST", body: body()}).then(() => { say("Suppressed"); close() }, error => setWrong(error.message)) }
  const part = (name, word) => html`<label class="check"><input type="checkbox" checked=${parts[name]} onChange=${e => setParts({...parts, [name]: e.target.checked})}/><span>${word}</span></label>`
  return html`<${Dialog} title="Suppress" close=${close}><form onSubmit=${make}><p>What it covers is still judged and kept, shown as Dismissed, told to nobody, and not learned.</p>
    ${part("detector", html`only detector <strong>${about.detector}</strong>`)}${about.endpoint !== "* *" && part("endpoint", html`only endpoint <strong>${about.endpoint}</strong>`)}${about.actor && part("actor", html`only caller <strong class="break">${about.actor}</strong> (30 days at most)`)}
    <p class="quiet">Always only service ${about.service || "(unnamed)"}.</p>
    <p><label class="field"><span>For</span><select value=${hours} onChange=${e => setHours(+e.target.value)}>${SPANS.filter(([n]) => !parts.actor || n <= 720).map(([n, word]) => html`<option value=${n}>${word}, until ${when(hoursFromNow(n).toISOString())}</option>`)}</select></label></p>
    <label class="field wide"><span>Why</span><input maxlength="1000" value=${comment} onInput=${e => type(e.target.value)}/></label>
    <div class="preview" role="status">${wrong ? html`<p class="bad">${wrong}.</p>` : !preview ? html`<p class="quiet">Counting what it would have covered…</p>` : html`<p>It would have covered <strong>${number(preview.covered)}</strong> of the last ${count(preview.of, "alert")}${preview.since ? html` (since <${Time} of=${preview.since}/>)` : ""}${preview.covered ? `, ${number(preview.open)} of them open` : ""}.</p>${preview.covered > 1 && html`<ul>${preview.samples.map(one => html`<li>${one.title}, <${Time} of=${one.start}/>, ${statusWord(one.status)}</li>`)}</ul>`}`}
      ${preview?.tooBroad && html`<p class="bad"><strong>Broad:</strong> ${preview.tooBroad}.</p><label class="field"><span>Type ${parts.actor ? "the caller" : parts.endpoint ? "the endpoint" : "the service"} to make it all the same</span><input autocomplete="off" value=${confirm} onInput=${e => setConfirm(e.target.value)}/></label>`}</div>
    <div class="actions"><button class="primary" disabled=${!preview && !wrong}>Suppress</button><button type="button" onClick=${close}>Cancel</button></div></form></${Dialog}>`
}

/** What a response would hit, before it is made: the plan of the server decides what is offered. */
function Respond({alert, close}) {
  const about = alert.about
  const [action, setAction] = useState("block"), [minutes, setMinutes] = useState(60), [dry, setDry] = useState(true), [plan, setPlan] = useState(null), [wrong, setWrong] = useState(null), [busy, setBusy] = useState(false)
  useEffect(() => {
    const control = new AbortController()
    api("responses/plan", {method: "POST", body: {alert: alert.name, action}, signal: control.signal}).then(answer => { setPlan(answer); setWrong(null); if (answer.allowed?.length && !answer.allowed.includes(action)) setAction(answer.allowed[0]) }, error => { if (error.name !== "AbortError") setWrong(error) })
    return () => control.abort()
  }, [action])
  const make = event => { event.preventDefault(); setBusy(true); api("responses", {method: "POST", body: {alert: alert.name, action, minutes, dryRun: dry}}).then(() => { say(dry ? "Dry run begun: it is counted, nothing is stopped" : "In force"); close() }, setWrong).finally(() => setBusy(false)) }
  return html`<${Dialog} title="Respond" close=${close}><form onSubmit=${make}><p>Against <strong class="break">${about.actor}</strong>, in the gateway, and over by itself.</p>
    ${wrong && html`<p class="bad" role="alert">${wrong.status === 404 ? "This Gatewatch cannot respond (yet)" : wrong.message}.</p>`}
    ${!plan && !wrong && html`<p class="quiet" role="status">Asking what it would hit…</p>`}
    ${plan && html`<${Plan} of=${plan}/>${plan.mayWrite === false && html`<p class="bad">Nothing can be put in force here, not even a dry run: the app may not write at the gateway. <code>GATEWATCH_RESPONSE</code> of the deployment changes that.</p>`}`}
    ${plan && plan.mayWrite !== false && html`<div class="filters"><label class="field"><span>Action</span><select value=${action} onChange=${e => setAction(e.target.value)}>${(plan.allowed ?? []).map(one => html`<option value=${one}>${one}</option>`)}</select></label>
      <label class="field"><span>For</span><select value=${minutes} onChange=${e => setMinutes(+e.target.value)}>${[[15, "15 minutes"], [60, "1 hour"], [240, "4 hours"], [1440, "1 day"]].map(([n, word]) => html`<option value=${n}>${word}</option>`)}</select></label></div>
      <label class="check"><input type="checkbox" checked=${dry} onChange=${e => setDry(e.target.checked)}/><span>Dry run: count what it would stop, stop nothing</span></label>`}
    <div class="actions"><button class=${dry ? "primary" : "danger"} disabled=${busy || !plan || !plan.allowed?.length || plan.mayWrite === false}>${dry ? "Try it" : "Put it in force"}</button><button type="button" onClick=${close}>Cancel</button></div></form></${Dialog}>`
}
export const Plan = ({of}) => html`<div class="preview"><p><${Mark} good=${of.allowed?.length ? (of.verdict === "one caller" ? true : null) : false}>${of.verdict}${of.allowed?.length ? "" : ": nothing is offered"}</${Mark}></p><dl class="pairs"><dt>calls</dt><dd>${number(of.calls)}${of.ok2xxShare != null ? `, ${Math.round(of.ok2xxShare * 100)} % of them answered 2XX` : ""}</dd>
  ${of.endpoints && html`<dt>endpoints</dt><dd>${Array.isArray(of.endpoints) ? of.endpoints.map(one => one.endpoint ?? one).join(", ") : number(of.endpoints)}</dd>`}${of.otherIdentities != null && html`<dt>others behind it</dt><dd>${count(Array.isArray(of.otherIdentities) ? of.otherIdentities.length : of.otherIdentities, "identity", "identities")}</dd>`}</dl>
  ${of.reasons?.length > 0 && html`<ul>${of.reasons.map(reason => html`<li>${reason}</li>`)}</ul>`}</div>`

// ---- copies ------------------------------------------------------------------------------------------------------------

function Copies({alert}) {
  const link = () => alert.properties.alertUri || location.origin + "/ui/alerts/" + alert.name
  const items = [["link", link], ["JSON", () => JSON.stringify(alert, null, 2)], ["KQL", () => kql(alert)], ["detectors.json", () => limitsLine(alert)]]
  if (alert.about.actorKind === "ip") items.push(["ip-filter", () => `<ip-filter action="forbid">\n  <address>${alert.about.actor}</address>\n</ip-filter>`])
  return html`<details class="copies"><summary class="button">Copy</summary><div>${items.map(([word, text]) => html`<button type="button" onClick=${event => { copy(text(), word); event.target.closest("details").open = false }}>${word}</button>`)}<button type="button" onClick=${event => { event.target.closest("details").open = false; print() }}>Print</button></div></details>`
}
/** The calls of the alert in the gateway's own log, for whoever sends that to Log Analytics. */
export function kql(alert) {
  const {actorKind, actor, endpoint, api} = alert.about, [method, template] = endpoint.split(" ")
  const quoted = text => `@'${String(text).replaceAll("'", "''")}'`
  const lines = ["ApiManagementGatewayLogs", `| where TimeGenerated between (datetime(${alert.properties.startTimeUtc}) .. datetime(${alert.properties.endTimeUtc}))`]
  if (api) lines.push(`| where ApiId == ${quoted(api)}`)
  if (method !== "*") lines.push(`| where Method == ${quoted(method)} and Url matches regex ${quoted(template.replace(/[.+?^$|()[\]\\]/g, "\\$&").replace(/\{[^}]*\}|\*/g, "[^/]+") + "([?]|$)")}`)
  if (actorKind === "ip") lines.push(`| where CallerIpAddress == ${quoted(actor)}`)
  return [...lines, "| summarize calls = count() by bin(TimeGenerated, 20m), ResponseCode, CallerIpAddress", "| order by TimeGenerated asc"].join("\n")
}
