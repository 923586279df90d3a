// Where calls come from: a table, for a map shows areas and not calls.
import {Empty, Head, Loaded, Scroll, Title, address, count, go, html, number, percent, useApi} from "../parts.js"

export default function Countries({query}) {
  const here = "/ui/countries", asked = new URLSearchParams()
  for (const name of ["from", "to", "service"]) if (query.get(name)) asked.set(name, query.get(name))
  const found = useApi("countries" + (asked.size ? "?" + asked : ""))
  const set = (name, value) => go(address(here, query, {[name]: value}), {replace: true})
  const most = Math.max(1, ...(found.data?.value ?? []).map(one => one.calls))
  return html`<${Title} lead=${found.data?.value ? count(found.data.value.length, "country", "countries") + "." : ""}>Countries</${Title}>
    <div class="filters"><label class="field"><span>From</span><input type="date" value=${(query.get("from") ?? "").slice(0, 10)} onChange=${e => set("from", e.target.value)}/></label><label class="field"><span>To</span><input type="date" value=${(query.get("to") ?? "").slice(0, 10)} onChange=${e => set("to", e.target.value)}/></label></div>
    <${Loaded} of=${found} what="countries">${data => html`${!data.value.length ? html`<${Empty} title="No country is known"><p>${data.notice ?? "No call was counted in these days, or the table that tells countries is not there yet."}</p></${Empty}>`
      : html`<${Scroll} label="Countries"><table><${Head} of=${["country", ["calls", "n"], ["share", "n"], "of the most", ["addresses", "n"], "first day", "last day"]}/><tbody>${data.value.map(one => html`<tr><td>${one.name ?? one.country} <span class="quiet">${one.name && one.name !== one.country ? one.country : ""}</span></td><td class="n">${number(one.calls)}</td><td class="n">${percent(one.share)}</td><td class="bar-cell"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="bar-row" width=${Math.max(.5, one.calls / most * 100)} height="10"/></svg></td><td class="n">${number(one.addresses)}</td><td class="tight">${one.firstDay ?? ""}</td><td class="tight">${one.lastDay ?? ""}</td></tr>`)}</tbody></table></${Scroll}>`}
      <p class="quiet">${[data.source, data.asOf && `as of ${String(data.asOf).slice(0, 10)}`].filter(Boolean).join(", ")}${data.attribution ? `. ${data.attribution}` : ""}</p>`}</${Loaded}>`
}
