// The frame around the views: where one is, who is asking, what the keys do.
import {render} from "./vendor/preact.mjs"
import {Dialog, Failed, api, dressed, go, html, prefer, preferences, session, useEffect, useState} from "./parts.js"

const GROUPS = [
  ["Watch", [["", "Overview", "Reader"], ["alerts", "Alerts", "Reader"], ["incidents", "Incidents", "Reader"]]],
  ["Estate", [["inventory", "Inventory", "Reader"], ["recommendations", "Recommendations", "Reader"], ["attack-paths", "Attack paths", "Reader"], ["drift", "Drift", "Reader"], ["countries", "Countries", "Reader"]]],
  ["Act", [["responses", "Responses", "Reader"], ["suppressions", "Suppressions", "Reader"]]],
  ["Trust", [["privacy", "Privacy", "PrivacyOfficer"], ["audit", "Audit", "Reader"], ["usage", "Usage", "Reader"], ["health", "Health", ""]]],
]
const SINGLE = {alerts: "alert", incidents: "incident", inventory: "endpoint", recommendations: "recommendation"}
const KNOWN = new Set(GROUPS.flatMap(([, views]) => views.map(([path]) => path)))
const KEYS = [["j", "next row"], ["k", "previous row"], ["Enter", "open it"], ["x", "choose it"], ["u", "back"], ["/", "search or filter"], ["?", "this help"]]

/** The view of a path: its module's name and, of one thing, its id. */
function place(path) {
  const [folder = "", id = ""] = path.replace(/^\/ui\/?/, "").split("/")
  if (id && SINGLE[folder]) return {folder, module: SINGLE[folder], id: decodeURIComponent(id)}
  return KNOWN.has(folder) && !id ? {folder, module: folder || "overview", id: ""} : {folder, module: "", id: ""}
}

function takeKey() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key")
  if (key === null) return
  session.key = key
  history.replaceState(null, "", location.pathname + location.search)
}

function Frame() {
  const [where, move] = useState(location.href)
  const [me, setMe] = useState(null)
  const [out, setOut] = useState(null)
  const [help, setHelp] = useState(false)
  const [, redraw] = useState(0)
  const found = place(new URL(where).pathname)

  const enter = () => { setOut(null); return api("me").then(answer => { session.me = answer; setMe(answer) }, error => { if (error.status !== 401) setOut(error) }) }
  useEffect(() => { enter() }, [])
  useEffect(() => {
    const moved = () => move(location.href)
    const signedOut = event => setOut(event.detail)
    const dressedAnew = () => redraw(n => n + 1)
    const help = () => setHelp(true)
    addEventListener("popstate", moved); addEventListener("signed-out", signedOut); addEventListener("preferences", dressedAnew); addEventListener("help", help)
    return () => { removeEventListener("popstate", moved); removeEventListener("signed-out", signedOut); removeEventListener("preferences", dressedAnew); removeEventListener("help", help) }
  }, [])

  if (me === null) return out ? html`<main class="alone">${out.status === 401 ? html`<${SignIn} refused=${out} enter=${enter}/>` : html`<${Failed} error=${out} what="this page" retry=${enter}/>`}</main>`
    : html`<main class="alone"><p class="waiting" role="status">Signing in…</p></main>`
  return html`<a class="skip" href="#main">Skip to content</a>
    <${Bar} me=${me} here=${found.folder} help=${() => setHelp(true)}/>
    <main id="main">${out && html`<div class="banner bad" role="alert">You are signed out. What you have typed is kept. <${SignIn} refused=${out} enter=${enter} small=${true}/></div>`}
      <${View} key=${found.module + "/" + found.id} found=${found} query=${new URL(where).searchParams}/></main>
    <${Said}/>
    ${help && html`<${Help} close=${() => setHelp(false)}/>`}`
}

function View({found, query}) {
  const [view, setView] = useState(null)
  useEffect(() => {
    let there = true
    if (found.module) import(`./views/${found.module}.js`).then(module => there && setView(() => module.default), () => there && setView(() => Gone))
    return () => { there = false }
  }, [found.module])
  if (!found.module) return html`<div class="state"><h1 tabindex="-1">There is no such page</h1><p><a href="/ui">Overview</a></p></div>`
  return view ? html`<${view} id=${found.id} query=${query}/>` : html`<p class="waiting" role="status">Loading…</p>`
}
const Gone = () => html`<div class="state" role="alert"><h1 tabindex="-1">This page is out of date</h1><p>Gatewatch was updated, or cannot be reached. <button type="button" onClick=${() => location.reload()}>Reload</button></p></div>`

function SignIn({refused, enter, small = false}) {
  const [key, type] = useState(""), [wrong, setWrong] = useState(session.key ? "This key is not known here." : "")
  if (refused.signIn) {
    const back = encodeURIComponent(location.pathname + location.search)
    const link = html`<a class="button primary" href="${refused.signIn}?post_login_redirect_uri=${back}">Sign in</a>`
    return small ? link : html`<div class="state"><h1 tabindex="-1">Gatewatch</h1><p>Sign in with your organisation's account.</p><p>${link}</p></div>`
  }
  const tried = event => {
    event.preventDefault()
    session.key = key.trim()
    api("me").then(() => enter(), error => { session.key = ""; setWrong(error.status === 401 ? "This key is not known here." : error.message) })
  }
  return html`<form class="state" onSubmit=${tried}>${!small && html`<h1 tabindex="-1">Gatewatch</h1><p>This installation has no Entra sign-in. A function key opens everything but privacy; it stays in this tab and is forgotten with it.</p>`}
    <label class="field"><span>Function key</span><input type="password" autocomplete="off" required value=${key} onInput=${e => type(e.target.value)}/></label>
    <p><button class="primary">Open</button> <span class="bad" role="status">${wrong}</span></p></form>`
}

function Bar({me, here, help}) {
  const [open, setOpen] = useState(false)
  useEffect(() => setOpen(false), [location.href])
  const may = role => !role || session.may(role)
  return html`<header class="bar"><a class="brand" href="/ui"><svg viewBox="0 0 16 16" aria-hidden="true"><path class="shield" d="M8 .8l6 2.1v4.8c0 4-2.7 6.3-6 7.5-3.3-1.2-6-3.5-6-7.5V2.9z"/><path class="pulse" d="M4.3 8.3h1.9l1.2-2.9 1.5 5 1-2.1h1.8"/></svg>Gatewatch</a>
      <button type="button" class="menu" aria-expanded=${String(open)} aria-controls="menu" onClick=${() => setOpen(!open)}>Menu</button>
      <nav id="menu" aria-label="Main" class=${open ? "open" : ""}>${GROUPS.map(([name, views]) => views.some(([, , role]) => may(role)) && html`<div><p class="group">${name}</p><ul>
        ${views.filter(([, , role]) => may(role)).map(([path, word]) => html`<li><a href=${path ? "/ui/" + path : "/ui"} aria-current=${path === here ? "page" : null}>${word}</a></li>`)}</ul></div>`)}
        <div class="foot"><${Preferences}/><p class="who" title=${me.roles.join(", ")}>${me.name || "with a function key"}<br/><span class="quiet">${me.roles.map(role => role === "PrivacyOfficer" ? "Privacy officer" : role).join(", ")}</span></p>
        <p><button type="button" class="plain" onClick=${help}>Keys <kbd>?</kbd></button> ${me.signIn === "entra" && html`<a href="/.auth/logout">Sign out</a>`}${me.signIn === "key" && html`<button type="button" class="plain" onClick=${() => { session.key = ""; location.reload() }}>Forget the key</button>`}</p></div></nav></header>`
}

function Preferences() {
  const choice = (name, label, options) => html`<label><span>${label}</span><select value=${preferences[name]} onChange=${e => prefer(name, e.target.value)}>${options.map(([value, word]) => html`<option value=${value} selected=${value === preferences[name]}>${word}</option>`)}</select></label>`
  return html`<details class="preferences"><summary>Display</summary>
    ${choice("theme", "Theme", [["", "system"], ["light", "light"], ["dark", "dark"]])}${choice("density", "Rows", [["", "roomy"], ["dense", "dense"]])}
    ${choice("zone", "Times", [["utc", "UTC"], ["local", "local"]])}${choice("keys", "Keys", [["on", "on"], ["off", "off"]])}</details>`
}

const Help = ({close}) => html`<${Dialog} title="Keys" close=${close}><dl class="keys">${KEYS.map(([key, does]) => html`<dt><kbd>${key}</kbd></dt><dd>${does}</dd>`)}</dl>
  <p class="quiet">Under Display they can be switched off.</p><p><button type="button" onClick=${close} autofocus>Close</button></p></${Dialog}>`

function Said() {
  const [text, setText] = useState("")
  useEffect(() => {
    let timer = 0
    const heard = event => { setText(event.detail); clearTimeout(timer); timer = setTimeout(() => setText(""), 6000) }
    addEventListener("say", heard)
    return () => removeEventListener("say", heard)
  }, [])
  return html`<div class="said ${text ? "shown" : ""}" role="status">${text}</div>`
}

function pressed(event) {
  if (preferences.keys === "off" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input:not([type=checkbox]), select, textarea, dialog, [contenteditable]")) return
  const rows = [...document.querySelectorAll("main a.row")], here = rows.findIndex(a => a.closest("tr, li").contains(document.activeElement))
  if (event.key === "j" || event.key === "k") {
    const next = rows[Math.max(0, Math.min(rows.length - 1, here + (event.key === "j" ? 1 : here < 0 ? 1 : -1)))]
    next?.focus(); next?.scrollIntoView({block: "nearest"})
  } else if (event.key === "x" && here >= 0) rows[here].closest("tr, li").querySelector("input[type=checkbox]")?.click()
  else if (event.key === "u") { const up = document.querySelector("main nav.up a"); if (!up) return; up.click() }
  else if (event.key === "/") { const field = document.querySelector("main .filters input, main .filters select"); if (!field) return; field.focus() }
  else if (event.key === "?") dispatchEvent(new Event("help"))
  else return
  event.preventDefault()
}

function clicked(event) {
  const link = event.target.closest?.("a[href^='/ui']")
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0 || link.hasAttribute("download")) return
  event.preventDefault()
  if (link.getAttribute("href") !== location.pathname + location.search) { go(link.getAttribute("href")); scrollTo(0, 0) }
}

dressed()
takeKey()
addEventListener("hashchange", () => { if (location.hash.startsWith("#key=")) { takeKey(); location.reload() } })
addEventListener("keydown", pressed)
addEventListener("click", clicked)
render(html`<${Frame}/>`, document.getElementById("app"))
