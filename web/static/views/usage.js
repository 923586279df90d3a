// What was watched in a month, and what Defender for APIs would have charged for it.
import {Empty, Head, Loaded, Scroll, Title, address, count, go, html, number, useApi} from "../parts.js"

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

function Month({of}) {
  const plans = of.defenderForApis.plans, cheapest = plans.find(one => one.plan === of.defenderForApis.cheapest)
  return html`<div class="figures"><div class="figure"><span class="big">${number(of.calls)}</span><span>${of.calls === 1 ? "call" : "calls"} in ${of.month}</span></div>
      ${of.bytes != null && html`<div class="figure"><span class="big">${bytes(of.bytes)}</span><span>sent and received</span></div>`}
      ${of.addresses != null && html`<div class="figure"><span class="big">${number(of.addresses)}</span><span>addresses, of the days that are kept</span></div>`}
      ${of.countries != null && html`<a class="figure" href="/ui/countries"><span class="big">${number(of.countries)}</span><span>countries</span></a>`}
      ${cheapest && html`<div class="figure"><span class="big">${money(cheapest.total)}</span><span>would Defender for APIs have cost (${cheapest.plan}, its cheapest for this)</span></div>`}</div>
    <section class="card"><h2>By API</h2>${of.value.length ? html`<${Scroll} label="Calls by API"><table><${Head} of=${["service", "API", ["calls", "n"], ["share", "n"]]}/><tbody>
      ${of.value.map(one => html`<tr><td>${one.service}</td><td>${one.api || html`<span class="quiet">matched no operation</span>`}</td><td class="n">${number(one.calls)}</td><td class="n">${of.calls ? Math.round(one.calls / of.calls * 100) + " %" : "–"}</td></tr>`)}</tbody></table></${Scroll}>` : html`<${Empty} title="No calls in this month"><p>Nothing was counted. <a href="/ui/health">Health</a> says whether calls arrive.</p></${Empty}>`}</section>
    <section class="card"><h2>What Defender for APIs would have charged</h2><${Scroll} label="Plans"><table><${Head} of=${["plan", ["included calls", "n"], ["fee", "n"], ["overage", "n"], ["total", "n"]]}/><tbody>
      ${plans.map(one => html`<tr class=${one === cheapest ? "chosen" : ""}><td>${one.plan}${one === cheapest ? html` <span class="tag">cheapest</span>` : ""}</td><td class="n">${number(one.includedCalls)}${one.packs > 1 ? ` × ${one.packs}` : ""}</td><td class="n">${money(one.fee)}</td><td class="n">${money(one.overage)}</td><td class="n">${money(one.total)}</td></tr>`)}</tbody></table></${Scroll}>
      <p class="quiet">List prices as of ${of.defenderForApis.pricesAsOf}, for ${count(of.calls, "call")} in one subscription.</p></section>`
}
function bytes(n) {
  const at = n > 0 ? Math.min(5, Math.floor(Math.log10(n) / 3)) : 0
  return `${number(n / 1000 ** at)} ${["B", "kB", "MB", "GB", "TB", "PB"][at]}`
}
