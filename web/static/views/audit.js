// Who changed what, when, from what to what; nothing here can be changed.
import {Empty, Head, Loaded, More, Scroll, Tag, Time, Title, html, useApi} from "../parts.js"

export default function Audit({query}) {
  const cursor = query.get("cursor"), found = useApi("audit" + (cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""))
  return html`<${Title} lead="Only added to: every change is written down before it is made.">Audit</${Title}><${Loaded} of=${found} what="audit">${data => !data.value.length ? html`<${Empty} title="Nothing was changed yet"><p>Every change that somebody makes stands here from then on.</p></${Empty}>`
    : html`<${Scroll} label="Changes"><table class="snug"><${Head} of=${["when", "who", "did", "to", "what", "before", "after"]}/><tbody>${data.value.map(one => html`<${Row} key=${one.id} one=${one}/>`)}</tbody></table></${Scroll}><${More} next=${data.next} query=${query} path="/ui/audit"/>`}</${Loaded}>`
}

/** One line for each thing that is not as it was; what stayed is left out. */
function Row({one}) {
  const changes = differences(one.before, one.after), lines = Math.max(1, changes.length), [, name, id] = /^(.*?)(?: \((.+)\))?$/.exec(one.by)
  const cell = (content, kind = "") => html`<td class=${kind} rowspan=${lines}>${content}</td>`
  const change = i => changes[i] ? html`<td>${changes[i][0]}</td><td class="break value">${changes[i][1] ?? html`<span class="quiet">–</span>`}</td><td class="break value">${changes[i][2] ?? html`<span class="quiet">–</span>`}</td>` : html`<td class="quiet">nothing</td><td></td><td></td>`
  return html`<tr>${cell(html`<${Time} of=${one.at}/>`, "tight")}${cell(html`${name}${id && html`<div class="sub break">${id}</div>`}`, "break who")}${cell(html`${one.action}<div><${Tag} kind=${String(one.outcome).startsWith("2") || one.outcome === "done" ? "good" : ""}>${String(one.outcome)}</${Tag}></div>`, "break value")}${cell(one.target, "break mono")}${change(0)}</tr>${changes.slice(1).map((_, i) => html`<tr>${change(i + 1)}</tr>`)}`
}
const differences = (before, after) => {
  const was = flat(before), is = flat(after)
  return [...new Set([...was.keys(), ...is.keys()])].filter(name => was.get(name) !== is.get(name)).map(name => [name, was.get(name), is.get(name)])
}
/** What is nested, by names such as "properties.status". */
function flat(value, name = "", found = new Map()) {
  if (value !== null && typeof value === "object") for (const [key, of] of Object.entries(value)) flat(of, name ? `${name}.${key}` : key, found)
  else if (value != null && value !== "") found.set(name || "value", String(value))
  return found
}
