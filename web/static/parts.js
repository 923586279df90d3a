// What every view is made of: the API, addresses, times, words and shapes.
import {h} from "./vendor/preact.mjs"
import {useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState} from "./vendor/hooks.mjs"
import htm from "./vendor/htm.mjs"

export {useCallback, useEffect, useMemo, useRef, useState}
export const html = htm.bind(h)

// ---- what is remembered ---------------------------------------------------------------------------------------------

const remembered = (store, name) => { try { return store.getItem("gatewatch." + name) } catch { return null } }
const remember = (store, name, value) => { try { value === null ? store.removeItem("gatewatch." + name) : store.setItem("gatewatch." + name, value) } catch { /* a browser may forbid it */ } }

/** Preferences stay in this browser: theme "" (the system's), light or dark; density "" or dense; zone utc or local; keys on or off;
 *  columns of the inventory, separated by commas, or null for the usual ones. */
export const preferences = {
  theme: remembered(localStorage, "theme") ?? "", density: remembered(localStorage, "density") ?? "",
  zone: remembered(localStorage, "zone") ?? "utc", keys: remembered(localStorage, "keys") ?? "on", columns: remembered(localStorage, "columns"),
}
export function prefer(name, value) {
  preferences[name] = value
  remember(localStorage, name, value)
  dressed()
  dispatchEvent(new Event("preferences"))
}
export function dressed() {
  const root = document.documentElement
  preferences.theme ? root.setAttribute("data-theme", preferences.theme) : root.removeAttribute("data-theme")
  preferences.density ? root.setAttribute("data-density", preferences.density) : root.removeAttribute("data-density")
}

/** What somebody has typed and not sent survives a sign-in, a reload and a refusal. */
export const draft = {
  read: name => remembered(sessionStorage, "draft." + name) ?? "",
  write: (name, text) => remember(sessionStorage, "draft." + name, text || null),
}

// ---- the API --------------------------------------------------------------------------------------------------------

/** A key comes by the fragment once (which no server sees), and stays in this tab: never in an address, a log or a Referer. */
export const session = {
  get key() { return remembered(sessionStorage, "key") ?? "" },
  set key(value) { remember(sessionStorage, "key", value || null) },
  me: null,
  may: role => session.me !== null && session.me.roles.some(one => one === role || (role === "Reader" && one === "Analyst")),
}

export class Refused extends Error {
  constructor(status, body, when = new Date()) {
    const error = body?.error
    super(typeof error === "string" ? error : error?.message ?? (status ? `the server answered ${status}` : "the server cannot be reached"))
    Object.assign(this, {status, code: error?.code ?? "", signIn: error?.signIn, body, when})
  }
}

/** `as`: "json", or "text" for what is handed on as a file. */
export async function api(path, {method = "GET", body, etag, signal, as = "json", again = false} = {}) {
  const headers = {Accept: as === "json" ? "application/json" : "*/*"}
  if (session.key) headers["x-functions-key"] = session.key
  if (method !== "GET") Object.assign(headers, {"Content-Type": "application/json", "X-Gatewatch": "1"})
  if (etag) headers["If-Match"] = etag
  let answer
  try {
    answer = await fetch((session.key ? "/api/" : "/ui/api/") + path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, redirect: "error", cache: "no-store"})
  } catch (error) {
    if (error.name === "AbortError") throw error
    throw new Refused(0, null)
  }
  // an instance that has just started may trip over its own first requests: what only reads is asked once more
  if (answer.status === 500 && method === "GET" && !again) { await new Promise(done => setTimeout(done, 300)); return api(path, {signal, as, again: true}) }
  if (answer.ok && as === "text") return answer.text()
  let content = null
  try { content = await answer.json() } catch (error) { if (error.name === "AbortError") throw error }
  if (answer.ok) return content
  const refused = new Refused(answer.status, content)
  if (answer.status === 401) dispatchEvent(new CustomEvent("signed-out", {detail: refused}))
  throw refused
}

/** What is at a path of the API, asked for again every `every` seconds while the page is seen. Old data stay until new ones are there. */
export function useApi(path, {every = 0} = {}) {
  const [state, set] = useState({data: null, error: null, path: null})
  const [turn, again] = useState(0)
  useEffect(() => {
    if (path === null) return
    const control = new AbortController()
    let timer = 0
    const ask = () => api(path, {signal: control.signal}).then(
      data => set({data, error: null, path}),
      error => { if (error.name !== "AbortError") set(old => ({data: old.path === path ? old.data : null, error, path})) },
    ).finally(() => { if (every && !control.signal.aborted) timer = setTimeout(next, every * 1000) })
    const next = () => { if (document.hidden) document.addEventListener("visibilitychange", ask, {once: true, signal: control.signal}); else ask() }
    ask()
    return () => { control.abort(); clearTimeout(timer) }
  }, [path, turn, every])
  const reload = useCallback(() => again(n => n + 1), [])
  const put = useCallback(change => set(old => ({...old, data: change(old.data)})), [])
  return {data: state.data, error: state.path === path ? state.error : null, loading: state.path !== path, reload, put}
}

// ---- addresses ------------------------------------------------------------------------------------------------------

export function go(path, {replace = false} = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path)
  dispatchEvent(new PopStateEvent("popstate"))
}
/** An address with some of the query changed; what is empty goes. */
export function address(path, query, changes = {}) {
  const next = new URLSearchParams(query)
  for (const [name, value] of Object.entries(changes)) value === "" || value == null ? next.delete(name) : next.set(name, value)
  const text = next.toString()
  return path + (text ? "?" + text : "")
}
export const idOf = text => encodeURIComponent(text)

// ---- words and numbers ----------------------------------------------------------------------------------------------

const two = n => String(n).padStart(2, "0")
export function when(iso, {seconds = false, day = true} = {}) {
  if (!iso) return ""
  const at = new Date(iso)
  if (Number.isNaN(+at)) return String(iso)
  const utc = preferences.zone === "utc"
  const [y, mo, d, hr, mi, s] = utc
    ? [at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    : [at.getFullYear(), at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()]
  return `${day ? `${y}-${two(mo)}-${two(d)} ` : ""}${two(hr)}:${two(mi)}${seconds ? ":" + two(s) : ""}`
}
export const zone = () => preferences.zone === "utc" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone
export function ago(iso, now = Date.now()) {
  const s = Math.round((now - new Date(iso)) / 1000)
  if (Number.isNaN(s)) return ""
  const [n, unit] = Math.abs(s) < 90 ? [s, "s"] : Math.abs(s) < 5400 ? [Math.round(s / 60), "min"] : Math.abs(s) < 129600 ? [Math.round(s / 3600), "h"] : [Math.round(s / 86400), "d"]
  return n < 0 ? `in ${-n} ${unit}` : `${n} ${unit} ago`
}
export const Time = ({of, relative = false}) => of ? html`<time datetime=${of} title="${when(of, {seconds: true})} ${zone()}">${relative ? ago(of) : when(of)}</time>` : html`<span class="quiet">–</span>`
export const number = (n, digits = 1) => n == null ? "–" : n >= 100 || Number.isInteger(n) ? Math.round(n).toLocaleString("en-US") : (+n).toLocaleString("en-US", {maximumFractionDigits: digits})
export const count = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`
export function bytes(n) {
  const at = n > 0 ? Math.max(0, Math.min(5, Math.floor(Math.log10(n) / 3))) : 0
  return `${number(n / 1000 ** at)} ${["B", "kB", "MB", "GB", "TB", "PB"][at]}`
}
export const milliseconds = n => n == null ? "–" : n >= 10000 ? `${number(n / 1000)} s` : `${number(n, n < 10 ? 1 : 0)} ms`
const regions = new Intl.DisplayNames(["en"], {type: "region", fallback: "code"})
/** The name of a country of two letters; registries have some that are none, which stay as they are. */
export const countryName = code => { try { return /^[A-Z]{2}$/.test(code) && !["EU", "AP"].includes(code) ? regions.of(code) : code } catch { return code } }
export const percent = share => share == null ? "–" : share > 0 && share < 0.001 ? "< 0.1 %" : `${(share * 100).toLocaleString("en-US", {maximumFractionDigits: share < 0.1 ? 1 : 0})} %`

// ---- severity: a word, a shape and a colour --------------------------------------------------------------------------

export const SEVERITIES = ["High", "Medium", "Low", "Informational"]
export const STATUSES = ["Active", "InProgress", "Resolved", "Dismissed"]
export const statusWord = status => status === "InProgress" ? "In progress" : status
export const shapes = {High: "M5 0L10 9H0z", Medium: "M5 0l5 5-5 5-5-5z", Low: "M1 1h8v8H1z", Informational: "M5 0a5 5 0 110 10A5 5 0 015 0"}
export const Severity = ({of}) => html`<span class="severity ${of === "Critical" ? "High" : of}"><svg viewBox="0 0 10 10" aria-hidden="true"><path d=${shapes[of === "Critical" ? "High" : of] ?? shapes.Informational}/></svg>${of === "Informational" ? "Info" : of}</span>`
export const Tag = ({kind = "", children}) => html`<span class="tag ${kind}">${children}</span>`
export const Status = ({of}) => html`<${Tag} kind="status-${of}">${statusWord(of)}</${Tag}>`
/** A word that is good, bad or neither, with a sign for whoever sees no colour. */
export const Mark = ({good, children}) => html`<span class="mark ${good === true ? "good" : good === false ? "bad" : ""}"><span aria-hidden="true">${good === true ? "✓" : good === false ? "!" : "·"}</span> ${children}</span>`

// ---- states of a view ------------------------------------------------------------------------------------------------

export function Title({children, text, lead}) {
  const heading = useRef()
  const said = text ?? (typeof children === "string" ? children : "")
  useLayoutEffect(() => { document.title = said + " – Gatewatch" }, [said])
  useEffect(() => { heading.current?.focus({preventScroll: true}) }, [])
  return html`<div class="title"><h1 tabindex="-1" ref=${heading}>${children}</h1>${lead && html`<p class="lead">${lead}</p>`}</div>`
}
export const Waiting = ({what}) => html`<p class="waiting" role="status">Reading ${what}…</p>`
export function Failed({error, what, retry}) {
  if (error.status === 401) return html`<div class="state" role="alert"><h2>Signed out</h2><p>Sign in again to see ${what}. What you have typed is kept.</p></div>`
  if (error.status === 403) return html`<div class="state" role="alert"><h2>Not allowed</h2><p>${error.message}.</p><p class="quiet">Whoever administers the enterprise application in Entra assigns roles.</p></div>`
  if (error.status === 404 || error.status === 501) return html`<div class="state" role="alert"><h2>Nothing here</h2><p>${error.body?.error ? error.message : `This Gatewatch has no ${what} (yet)`}.</p></div>`
  if (error.status === 409) return html`<div class="state" role="alert"><h2>Not set up</h2><p>${error.message}.</p></div>`
  return html`<div class="state" role="alert"><h2>${what[0].toUpperCase() + what.slice(1)} cannot be read</h2>
    <p>${error.message}, since <${Time} of=${error.when.toISOString()}/>. <a href="/ui/health">Health</a> may say why.</p>${retry && html`<p><button type="button" onClick=${retry}>Try again</button></p>`}</div>`
}
export const Empty = ({title, children}) => html`<div class="state"><h2>${title}</h2>${children}</div>`
/** The view of what an address of the API holds: waiting, failed (both under `title`, where the data bring their own), or `children` with it. What is old stays readable while new data cannot be had. */
export function Loaded({of, what, title, children}) {
  if (of.data === null) return html`${title && html`<${Title}>${title}</${Title}>`}${of.error ? html`<${Failed} error=${of.error} what=${what} retry=${of.reload}/>` : html`<${Waiting} what=${what}/>`}`
  return html`${of.error && html`<div class="banner bad" role="alert">Shown as it was: ${of.error.message}. <button type="button" class="plain" onClick=${of.reload}>Try again</button></div>`}
    <div class=${of.loading ? "older" : ""}>${children(of.data)}</div>`
}

// ---- small things ------------------------------------------------------------------------------------------------------

export function say(text) { dispatchEvent(new CustomEvent("say", {detail: text})) }
export const copy = (text, what) => navigator.clipboard.writeText(text).then(() => say(`${what} copied`), () => say(`${what} cannot be copied: the browser refuses`))
export const Copy = ({text, what, children}) => html`<button type="button" onClick=${() => copy(typeof text === "function" ? text() : text, what)}>${children ?? "Copy " + what}</button>`

export function Select({label, value, options, change, all = "any"}) {
  return html`<label class="field"><span>${label}</span><select value=${value} onChange=${e => change(e.target.value)}>${all !== null && html`<option value="">${all}</option>`}
    ${options.map(one => { const [of, word] = Array.isArray(one) ? one : [one, one]; return html`<option value=${of} selected=${of === value}>${word}</option>` })}</select></label>`
}
export function Search({label, value, change, placeholder}) {
  const [text, type] = useState(value)
  useEffect(() => type(value), [value])
  useEffect(() => { if (text === value) return; const timer = setTimeout(() => change(text), 350); return () => clearTimeout(timer) }, [text])
  return html`<label class="field"><span>${label}</span><input type="search" value=${text} placeholder=${placeholder} onInput=${e => type(e.target.value)} /></label>`
}
/** Hands text to the browser as a file. */
export function save(text, name, type) {
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(new Blob([text], {type})), download: name})
  link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
/** Cells of a table that can be wider than the page scroll inside it. */
export const Scroll = ({label, children}) => html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>${children}</div>`
export const Head = ({of}) => html`<thead><tr>${of.map(one => { const [word, kind] = Array.isArray(one) ? one : [one, ""]; return html`<th scope="col" class=${kind}>${word || html`<span class="visually-hidden">choose</span>`}</th>` })}</tr></thead>`

/** A dialog of the browser's own: it traps the focus and Escape closes it. */
export function Dialog({title, close, children}) {
  const box = useRef()
  useEffect(() => { box.current.showModal(); return () => box.current?.close?.() }, [])
  return html`<dialog ref=${box} aria-labelledby="dialog-title" onClose=${close} onCancel=${close}><h2 id="dialog-title">${title}</h2>${children}</dialog>`
}
export const More = ({next, query, path}) => next && html`<p class="more"><a class="button" href=${address(path, query, {cursor: next})}>Older</a></p>`

// ---- what several views show ---------------------------------------------------------------------------------------------

export const ORIGINS = {"declared": "declared", "behind-wildcard": "behind a wildcard", "undeclared": "undeclared", "never-seen": "never called", "removed-but-called": "removed, still called"}
export const originWord = origin => ORIGINS[origin] ?? origin
export const Origin = ({of}) => of && of !== "declared" ? html` <${Tag} kind=${of === "undeclared" || of === "removed-but-called" ? "bad" : "warn"}>${originWord(of)}</${Tag}>` : null
export const Authentication = ({of, by}) => html`<${Mark} good=${of === "Authenticated" ? true : of === "Unauthenticated" ? false : null}>${of ?? "Awaiting data"}</${Mark}>${by && html`<div class="sub">${by}</div>`}`
export const Active = ({of, cause}) => html`<${Mark} good=${of === "Active" ? true : null}>${of ?? "Awaiting data"}</${Mark}>${cause && html`<div class="sub">${cause}</div>`}`
export const STATES = {open: "open", resolved: "resolved", exempted: "exempted", notApplicable: "not applicable"}
export const State = ({of}) => html`<${Tag} kind=${of === "open" || of === "unhealthy" ? "warn" : of === "resolved" || of === "healthy" ? "good" : ""}>${STATES[of] ?? of}</${Tag}>`

export function AlertTable({rows, may, chosen, choose, results = {}}) {
  const [last, setLast] = useState(-1)
  const toggle = (event, at) => {
    const next = new Set(chosen), on = event.target.checked, [from, to] = event.shiftKey && last >= 0 ? [Math.min(last, at), Math.max(last, at)] : [at, at]
    for (let i = from; i <= to; i++) on ? next.add(rows[i].name) : next.delete(rows[i].name)
    setLast(at); choose(next)
  }
  return html`<${Scroll} label="Alerts"><table class="snug alerts"><thead><tr>${may && choose && html`<th scope="col"><input type="checkbox" aria-label="choose all shown" checked=${chosen.size > 0 && chosen.size === rows.length} onChange=${e => choose(e.target.checked ? new Set(rows.map(row => row.name)) : new Set())}/></th>`}
      <th scope="col">severity</th><th scope="col">alert</th><th scope="col">endpoint</th><th scope="col">actor</th><th scope="col" class="n">deviation</th><th scope="col">status</th><th scope="col">since</th></tr></thead>
    <tbody>${rows.map((row, at) => html`<${AlertRow} key=${row.name} row=${row} chosen=${may && choose ? chosen.has(row.name) : null} toggle=${event => toggle(event, at)} result=${results[row.name]}/>`)}</tbody></table></${Scroll}>`
}

function AlertRow({row, chosen, toggle, result}) {
  const one = row.properties, about = row.about, evidence = one.supportingEvidence
  return html`<tr>${chosen !== null && html`<td><input type="checkbox" aria-label="choose ${one.alertDisplayName}, ${one.compromisedEntity}" checked=${chosen} onClick=${toggle}/></td>`}
    <td><${Severity} of=${one.severity}/></td><td><a class="row" href="/ui/alerts/${row.name}">${one.alertDisplayName}</a>${result && html`<div class=${result.status === 200 ? "result-good" : "result-bad"}>${result.status === 200 ? "changed" : result.status === 412 ? `not changed: ${result.last?.[0] ? `${result.last[0].by} made it ${statusWord(result.last[0].status)}` : "somebody was faster"}; apply again to overrule` : `not changed: ${result.error}`}</div>`}</td>
    <td class="break">${one.compromisedEntity}</td><td class=${about.actor ? "mono break actor" : "tight"}>${about.actor ?? html`<span class="quiet">everyone</span>`}</td><td class="n tight">${deviation(evidence)}</td><td><${Status} of=${one.status}/>${about.suppressed && html`<div class="sub">suppressed</div>`}</td><td class="tight"><${Time} of=${one.startTimeUtc}/></td></tr>`
}
export const deviation = evidence => evidence.timesExpected != null ? html`${number(evidence.timesExpected)}×<div class="sub">the usual</div>` : evidence.threshold ? html`${number(evidence.observed / evidence.threshold)}×<div class="sub">the limit</div>` : evidence.observed != null ? number(evidence.observed) : "–"
