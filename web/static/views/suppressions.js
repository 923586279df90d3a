// What is not told for a while: rules in force, to come and over, each with who, why and until when.
import {Empty, Head, Loaded, Scroll, Tag, Time, Title, api, html, say, session, useApi, useState} from "../parts.js"

export default function Suppressions() {
  const found = useApi("suppressions", {every: 60})
  const remove = rule => api(`suppressions/${rule.id}`, {method: "DELETE"}).then(() => { say("The rule is gone"); found.reload() }, error => say(`it stays: ${error.message}`))
  return html`<${Title} lead="Still judged and kept, but told to nobody and not learned.">Suppressions</${Title}><${Loaded} of=${found} what="suppressions">${data => !data.value.length
    ? html`<${Empty} title="Nothing is suppressed"><p>A rule is made from an alert: Suppress fills it in and says what it would have covered.</p></${Empty}>`
    : html`<${Scroll} label="Rules"><table><${Head} of=${["state", "covers", "until", "why", "by", ...(session.may("Analyst") ? [""] : [])]}/><tbody>${data.value.map(rule => html`<${Rule} key=${rule.id} rule=${rule} remove=${session.may("Analyst") ? remove : null}/>`)}</tbody></table></${Scroll}>`}</${Loaded}>`
}

function Rule({rule, remove}) {
  const [sure, ask] = useState(false)
  const covers = [["detector", rule.detector], ["service", rule.service], ["API", rule.api], ["endpoint", rule.endpoint], ["caller", rule.actor]].filter(([, value]) => value)
  return html`<tr><td>${rule.inForce ? html`<${Tag} kind="good">in force</${Tag}>` : new Date(rule.until) < new Date() ? html`<${Tag}>over</${Tag}>` : html`<${Tag}>to come</${Tag}>`}${rule.teaches && html`<${Tag}>expected</${Tag}>`}</td>
    <td class="break">${covers.map(([name, value]) => html`<div><span class="quiet">${name}</span> ${value}</div>`)}${rule.alert && html`<a href="/ui/alerts/${rule.alert}">its alert</a>`}</td>
    <td class="tight"><${Time} of=${rule.until}/></td><td class="break">${rule.comment || html`<span class="quiet">–</span>`}</td><td class="break">${rule.by}<div class="sub"><${Time} of=${rule.made}/></div></td>
    ${remove && html`<td class="do">${sure ? html`<button type="button" class="danger" onClick=${() => remove(rule)}>Really end it</button>` : html`<button type="button" onClick=${() => ask(true)}>End</button>`}</td>`}</tr>`
}
