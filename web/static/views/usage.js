// What was watched in a month, and what Defender for APIs would have charged for it.
import {Empty, Head, Loaded, Scroll, Time, Title, address, bytes, count, go, html, number, percent, useApi} from "../parts.js"

const money = dollars => "$" + Math.round(dollars).toLocaleString("en-US")
function months() {
  const now = new Date()
  return Array.from({length: 13}, (_, back) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7))
}

export default function Usage({query}) {
  const month = query.get("month") ?? ""
  const usage = useApi("usage" + (month ? `?month=${encodeURIComponent(month)}` : ""))
  return html`<${Title} lead="Calls that Gatewatch counted, each exactly once.">Usage</${Title}>
    <div class="filters"><label class="field"><span>Month</span><select value=${month || months()[0]} onChange=${e => go(address("/ui/usage", query, {month: e.target.value}), {replace: true})}>${months().map(one => html`<option value=${one}>${one}</option>`)}</select></label></div>
    <${Loaded} of=${usage} what="usage">${month => html`<${Month} of=${month}/>`}</${Loaded}>`
}

/** The days of a month, as the list of countries takes them. */
const days = month => ({from: month + "-01", to: new Date(Date.UTC(+month.slice(0, 4), +month.slice(5), 0)).toISOString().slice(0, 10)})

function Month({of}) {
  const plans = of.defenderForApis.plans, cheapest = plans.find(one => one.plan === of.defenderForApis.cheapest)
  return html`<div class="figures"><div class="figure"><span class="big">${number(of.calls)}</span><span>${of.calls === 1 ? "call" : "calls"} in ${of.month}</span></div>
      <div class="figure"><span class="big">${bytes(of.requestBytes + of.responseBytes)}</span><span>in bodies: ${bytes(of.requestBytes)} asked, ${bytes(of.responseBytes)} answered</span></div>
      <a class="figure" href=${address("/ui/countries", "", days(of.month))}><span class="big">${number(of.countries)}</span><span>${of.countries === 1 ? "country" : "countries"}</span></a>
      <div class="figure"><span class="big">${of.addressesAtLeast ? html`<span class="visually-hidden">at least </span><span aria-hidden="true">≥ </span>` : ""}${number(of.addresses)}</span><span>distinct addresses${of.addressesAtLeast ? ", at least" : ""}</span></div>
      ${cheapest && html`<div class="figure"><span class="big">${money(cheapest.total)}</span><span>Defender for APIs would have cost (${cheapest.plan}, its cheapest)</span></div>`}</div>
    ${of.lostCalls > 0 && html`<div class="banner bad"><span>${count(of.lostCalls, "call")} were dropped by the hub before they were read, and are in no count. Last <${Time} of=${of.losses.at(-1)?.until}/>.</span></div>`}
    ${(of.daysWithoutBytes > 0 || of.addressesAtLeast) && html`<p class="quiet">${of.daysWithoutBytes > 0 ? `Of ${count(of.daysWithoutBytes, "day")} no bytes were kept: they are in no sum. ` : ""}${of.addressesAtLeast ? "Of days whose hashes of addresses are gone already only their number is known: who came on several of them cannot be told, so the number is the least that it can be." : ""}</p>`}
    <section class="card"><h2>By API</h2>${of.value.length ? html`<${Scroll} label="Calls by API"><table><${Head} of=${["service", "API", ["calls", "n"], ["share", "n"], ["bytes asked", "n"], ["bytes answered", "n"]]}/><tbody>
      ${of.value.map(one => html`<tr><td class="break">${one.service}</td><td class="break">${one.api || html`<span class="quiet">matched no operation</span>`}</td><td class="n">${number(one.calls)}</td><td class="n">${of.calls ? percent(one.calls / of.calls) : "–"}</td><td class="n">${bytes(one.requestBytes)}</td><td class="n">${bytes(one.responseBytes)}</td></tr>`)}</tbody></table></${Scroll}>` : html`<${Empty} title="No calls in this month"><p>Nothing was counted. <a href="/ui/health">Health</a> says whether calls arrive.</p></${Empty}>`}</section>
    <section class="card"><h2>What Defender for APIs would have charged</h2><${Scroll} label="Plans"><table><${Head} of=${["plan", ["included calls", "n"], ["fee", "n"], ["overage", "n"], ["total", "n"]]}/><tbody>
      ${plans.map(one => html`<tr class=${one === cheapest ? "chosen" : ""}><td>${one.plan}${one === cheapest ? html` <span class="tag">cheapest</span>` : ""}</td><td class="n">${number(one.includedCalls)}${one.packs > 1 ? ` × ${one.packs}` : ""}</td><td class="n">${money(one.fee)}</td><td class="n">${money(one.overage)}</td><td class="n">${money(one.total)}</td></tr>`)}</tbody></table></${Scroll}>
      <p class="quiet">List prices as of ${of.defenderForApis.pricesAsOf}, for ${count(of.calls, "call")} in one subscription.</p></section>`
}
