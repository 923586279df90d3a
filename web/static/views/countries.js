// Where calls come from: a table, for a map shows areas and not calls.
import {Empty, Head, Loaded, Scroll, Title, address, count, countryName, go, html, number, percent, useApi} from "../parts.js"

export default function Countries({query}) {
  const here = "/ui/countries", asked = new URLSearchParams()
  for (const name of ["from", "to", "service"]) if (query.get(name)) asked.set(name, query.get(name))
  const found = useApi("countries" + (asked.size ? "?" + asked : "")), data = found.data
  const set = (name, value) => go(address(here, query, {[name]: value}), {replace: true})
  const day = name => (query.get(name) ?? data?.[name] ?? "").slice(0, 10)
  const pick = (name, word) => html`<label class="field"><span>${word}</span><input type="date" value=${day(name)} onChange=${e => set(name, e.target.value)}/></label>`
  return html`<${Title} lead="Where the addresses of callers are registered, or where a database of your own says they are.">Countries</${Title}>
    <div class="filters">${pick("from", "From")}${pick("to", "To")}${query.get("service") && html`<span class="chip">service <b>${query.get("service")}</b> <a href=${address(here, query, {service: ""})} aria-label="any service">×</a></span>`}${query.size > 0 && html`<a class="button" href=${here}>The last 28 days</a>`}</div>
    <${Loaded} of=${found} what="countries">${data => html`${!data.value.length ? html`<${Empty} title="No country is known"><p>${data.notice ?? "No call was counted in these days, or the table that tells countries is not there yet."}</p></${Empty}>` : html`<${Found} of=${data}/>`}
      <p class="quiet">${said(data)}</p>`}</${Loaded}>`
}

function Found({of}) {
  const most = Math.max(1, ...of.value.map(one => one.calls))
  return html`<div class="figures"><div class="figure"><span class="big">${number(of.countries)}</span><span>${of.countries === 1 ? "country" : "countries"}, ${number(of.countriesAnswered)} with a call answered 2XX</span></div><div class="figure"><span class="big">${number(of.calls)}</span><span>calls</span></div><div class="figure"><span class="big">${number(of.addresses)}</span><span>distinct addresses</span></div></div>
    <${Scroll} label="Countries"><table><${Head} of=${[of.label ?? "country", ["calls", "n"], ["share", "n"], "beside the most", ["answered 2XX", "n"], ["addresses", "n"], "first day", "last day"]}/><tbody>${of.value.map(one => html`<tr><td class="word">${one.country ? html`<a href=${address("/ui/inventory", "", {country: one.country})} title="the endpoints that are called from there">${one.name !== one.country ? one.name : countryName(one.country)}</a> <span class="quiet">${one.country}</span>` : html`<span class="quiet">no country is known</span>`}</td><td class="n">${number(one.calls)}</td><td class="n">${percent(one.share)}</td><td class="bar-cell"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="bar-row" width=${Math.max(.5, one.calls / most * 100)} height="10"/></svg></td><td class="n">${number(one.ok2xx)}</td><td class="n">${number(one.addresses)}</td><td class="tight">${one.firstDay ?? ""}</td><td class="tight">${one.lastDay ?? ""}</td></tr>`)}</tbody></table></${Scroll}>`
}
/** Who says so, as of when, and what its licence wants said. */
const said = ({source = "", asOf, attribution = ""}) => [source && `By ${source}${asOf && !source.includes(asOf.slice(0, 10)) ? `, as of ${asOf.slice(0, 10)}` : ""}`, ...attribution.split(". ").filter(part => !source.includes(part))].filter(Boolean).join(". ")
