// Every alert: found by filters, worked through by keyboard, changed several at a time.
import {AlertTable, Copy, Empty, Failed, More, SEVERITIES, STATUSES, Search, Select, Title, Waiting, address, api, count, draft, go, html, number, say, session, statusWord, useApi, useEffect, useMemo, useState} from "../parts.js"

const FILTERS = ["status", "severity", "detector", "service", "endpoint", "actor", "incident", "from", "to", "q"]
const SEEN_EVERY = 15

export default function Alerts({query}) {
  const here = "/ui/alerts"
  const asked = useMemo(() => { const next = new URLSearchParams(); for (const name of [...FILTERS, "cursor"]) if (query.get(name)) next.set(name, query.get(name)); next.set("counts", "true"); return "alerts?" + next }, [query.toString()])
  const found = useApi(asked)
  const set = (name, value) => go(address(here, query, {[name]: value, cursor: ""}), {replace: true})
  const used = FILTERS.filter(name => query.get(name))
  const [rows, setRows] = useState(null), [news, setNews] = useState([]), [chosen, choose] = useState(new Set()), [results, setResults] = useState({})
  useEffect(() => { if (found.data) { setRows(found.data.value); setNews([]); setResults({}); choose(new Set()) } }, [found.data])
  usePoll(asked, rows, setRows, setNews, !!query.get("cursor") || !!found.error)
  const data = found.data, may = session.may("Analyst")
  const counts = data?.counts ?? {}
  const link = () => location.origin + absolute(here, query, rows)
  return html`<${Title} lead=${data && (data.total != null ? `${count(data.total, "alert")}${used.length ? " match" : ""} in the last 31 days.` : "")}>Alerts</${Title}>
    <div class="chips" role="group" aria-label="Status">${[["", "Any"], ...STATUSES.map(one => [one, statusWord(one)])].map(([of, word]) => html`<a class="chip" href=${address(here, query, {status: of, cursor: ""})} aria-current=${(query.get("status") ?? "") === of ? "true" : null}>${word}${of && counts.status ? html` <b>${number(counts.status[of] ?? 0)}</b>` : ""}</a>`)}</div>
    <div class="filters"><${Select} label="Severity" value=${query.get("severity") ?? ""} options=${SEVERITIES.map(one => [one, `${one}${counts.severity ? ` (${number(counts.severity[one] ?? 0)})` : ""}`])} change=${value => set("severity", value)}/>
      <${Select} label="Detector" value=${query.get("detector") ?? ""} options=${detectors(counts.detector, data?.titles, query.get("detector"))} change=${value => set("detector", value)}/>
      <${Search} label="Endpoint, address, id or words" value=${query.get("q") ?? ""} placeholder="POST /v1/login" change=${value => set("q", value)}/>
      ${["actor", "endpoint", "incident", "service", "from", "to"].filter(name => query.get(name)).map(name => html`<span class="chip" key=${name}>${name} <b>${query.get(name)}</b> <a href=${address(here, query, {[name]: "", cursor: ""})} aria-label="any ${name}">×</a></span>`)}
      ${used.length > 0 && html`<a class="button" href=${here}>Clear</a>`}<span class="end"><${Copy} text=${link} what="link"/></span></div>
    ${news.length > 0 && html`<div class="banner news" role="status">${count(news.length, "new alert")} <button type="button" onClick=${() => { found.reload(); scrollTo(0, 0) }}>Show</button></div>`}
    ${found.error && rows && html`<div class="banner bad" role="alert">Shown as it was: ${found.error.message}. <button type="button" class="plain" onClick=${found.reload}>Try again</button></div>`}
    ${!rows ? found.error ? html`<${Failed} error=${found.error} what="alerts" retry=${found.reload}/>` : html`<${Waiting} what="alerts"/>`
      : !rows.length ? used.length ? html`<${Empty} title="Nothing matches"><p>No alert of the last 31 days has all of this. <a href=${here}>Show all alerts</a>.</p></${Empty}>`
        : html`<${Empty} title="No alerts yet"><p>Either it is calm, or Gatewatch does not see calls yet: <a href="/ui/health">health</a> says which. A new endpoint is judged strictly until its baseline is 14 days old.</p></${Empty}>`
      : html`<div class=${found.loading ? "older" : ""}><${AlertTable} rows=${rows} may=${may} chosen=${chosen} choose=${choose} results=${results}/></div>
        <${More} next=${data?.next} query=${query} path=${here}/>
        ${chosen.size > 0 && html`<${Bulk} rows=${rows} chosen=${chosen} clear=${() => choose(new Set())} done=${answer => { setResults(answer); setRows(old => old.map(row => applied(row, answer[row.name]))); choose(new Set(Object.keys(answer).filter(id => answer[id].status !== 200))) }}/>`}`}`
}

const detectors = (counts, titles, now) => {
  const found = Object.entries(counts ?? {}).sort((a, b) => b[1] - a[1]).map(([id, n]) => [id, `${titles?.[id] ?? id} (${number(n)})`])
  return now && !found.some(([id]) => id === now) ? [[now, now], ...found] : found
}
const applied = (row, result) => result?.status === 200 ? {...row, etag: result.etag, properties: {...row.properties, status: result.now}} : result?.etag ? {...row, etag: result.etag} : row
/** A link that shows tomorrow what it shows now: its times are absolute. */
function absolute(here, query, rows) {
  return address(here, query, rows?.length && !query.get("to") ? {to: new Date().toISOString().slice(0, 16) + ":00Z", cursor: ""} : {cursor: ""})
}

/** New alerts are announced and never move what is read; what others did to those shown is shown in place. */
function usePoll(asked, rows, setRows, setNews, off) {
  useEffect(() => {
    if (!rows || off) return
    const control = new AbortController()
    const known = new Set(rows.map(row => row.name))
    const look = () => document.hidden ? null : api(asked, {signal: control.signal}).then(fresh => {
      const now = new Map(fresh.value.map(row => [row.name, row]))
      const newest = rows[0]?.properties.startTimeUtc ?? ""
      setNews(fresh.value.filter(row => !known.has(row.name) && row.properties.startTimeUtc >= newest))
      if (rows.some(row => now.has(row.name) && now.get(row.name).etag !== row.etag)) setRows(old => old.map(row => now.get(row.name) ?? row))
    }, () => {})
    const timer = setInterval(look, SEEN_EVERY * 1000)
    addEventListener("look-again", look)
    return () => { control.abort(); clearInterval(timer); removeEventListener("look-again", look) }
  }, [asked, rows, off])
}

function Bulk({rows, chosen, clear, done}) {
  const [status, setStatus] = useState("InProgress"), [comment, type] = useState(draft.read("bulk")), [busy, setBusy] = useState(false)
  const apply = () => {
    setBusy(true)
    const body = {alerts: rows.filter(row => chosen.has(row.name)).map(row => ({id: row.name, etag: row.etag})), change: {status, comment}}
    api("alerts", {method: "PATCH", body}).then(answer => {
      const results = Object.fromEntries(answer.value.map(one => [one.id, one])), good = answer.value.filter(one => one.status === 200).length
      draft.write("bulk", ""); type("")
      say(`${good} of ${count(answer.value.length, "alert")} changed to ${statusWord(status)}`)
      done(results)
    }, error => say(`nothing was changed: ${error.message}`)).finally(() => setBusy(false))
  }
  return html`<form class="bulk" aria-label="Change the chosen alerts" onSubmit=${event => { event.preventDefault(); apply() }}><strong>${chosen.size} chosen</strong>
    <${Select} label="Status" value=${status} all=${null} options=${STATUSES.map(one => [one, statusWord(one)])} change=${setStatus}/>
    <label class="field grow"><span>One comment for all</span><input value=${comment} maxlength="1000" onInput=${e => { type(e.target.value); draft.write("bulk", e.target.value) }}/></label>
    <button class="primary" disabled=${busy}>${busy ? "Applying…" : "Apply"}</button><button type="button" onClick=${clear}>Cancel</button></form>`
}
