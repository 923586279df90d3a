// Who changed what, when, from what to what; nothing here can be changed.
import {Empty, Head, Loaded, More, Scroll, Tag, Time, Title, html, useApi} from "../parts.js"

export default function Audit({query}) {
  const cursor = query.get("cursor"), found = useApi("audit" + (cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""))
  return html`<${Title} lead="Only added to: every change is written down before it is made.">Audit</${Title}><${Loaded} of=${found} what="audit">${data => !data.value.length ? html`<${Empty} title="Nothing was changed yet"><p>Every change that somebody makes stands here from then on.</p></${Empty}>`
    : html`<${Scroll} label="Changes"><table><${Head} of=${["when", "who", "did", "to", "before", "after", "outcome"]}/><tbody>${data.value.map(one => html`<tr key=${one.id}><td class="tight"><${Time} of=${one.at}/></td><td class="break">${one.by}</td><td>${one.action}</td><td class="break mono">${one.target}</td><td class="break">${shown(one.before)}</td><td class="break">${shown(one.after)}</td><td><${Tag} kind=${String(one.outcome).startsWith("2") || one.outcome === "done" ? "good" : ""}>${String(one.outcome)}</${Tag}></td></tr>`)}</tbody></table></${Scroll}><${More} next=${data.next} query=${query} path="/ui/audit"/>`}</${Loaded}>`
}
const shown = value => value == null || value === "" ? html`<span class="quiet">–</span>` : typeof value === "object" ? Object.entries(value).map(([name, of]) => html`<div><span class="quiet">${name}</span> ${typeof of === "object" ? JSON.stringify(of) : String(of)}</div>`) : String(value)
