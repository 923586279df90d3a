// Is Gatewatch well: what it says about itself, in words first.
import {Head, Mark, Scroll, Time, Title, api, html, number, useEffect, useState, Waiting, Failed} from "../parts.js"

/** Health answers 503 with the same body where something is wrong. */
function useHealth() {
  const [state, set] = useState({data: null, error: null})
  const [turn, again] = useState(0)
  useEffect(() => {
    const ask = () => api("health").then(data => set({data, error: null}), error => set(error.body?.problems ? {data: error.body, error: null} : {data: null, error}))
    ask()
    const timer = setInterval(() => { if (!document.hidden) ask() }, 15000)
    return () => clearInterval(timer)
  }, [turn])
  return {...state, reload: () => again(n => n + 1)}
}

export default function Health() {
  const health = useHealth()
  if (!health.data) return html`<${Title}>Health</${Title}>${health.error ? html`<${Failed} error=${health.error} what="health" retry=${health.reload}/>` : html`<${Waiting} what="health"/>`}`
  const one = health.data
  return html`<${Title} lead=${`Version ${one.version}.`}>Health</${Title}>
    <section class="card ${one.problems.length ? "edge-bad" : "edge-good"}" aria-label="Verdict"><p class="verdict"><${Mark} good=${!one.problems.length}>${one.problems.length ? "Something needs you" : "All is well"}</${Mark}></p>
      ${one.problems.length > 0 && html`<ul>${one.problems.map(problem => html`<li>${problem}</li>`)}</ul>`}${one.notices?.length > 0 && html`<h2>Worth knowing</h2><ul>${one.notices.map(notice => html`<li>${notice}</li>`)}</ul>`}</section>
    <section class="card"><h2>How far it has come</h2><dl class="pairs"><dt>evaluated</dt><dd>${one.evaluationAgeSeconds == null ? "never" : `${number(one.evaluationAgeSeconds)} s ago`}</dd>
      <dt>newest call</dt><dd><${Time} of=${one.eventTime}/></dd><dt>baselines</dt><dd>${one.baselines ? html`${number(one.baselines.count)} endpoints, until ${one.baselines.until}, made <${Time} of=${one.baselines.made}/>` : "none yet: made each night"}</dd></dl></section>
    <section class="card"><h2>Partitions of the hub</h2>${one.partitions.length ? html`<${Scroll} label="Partitions"><table><${Head} of=${["partition", ["counted up to event", "n"], ["evaluated up to event", "n"], ["events waiting", "n"], ["oldest waits", "n"], "last batch"]}/><tbody>
      ${one.partitions.map(of => html`<tr><td>${of.partition}</td><td class="n">${number(of.counted)}</td><td class="n">${number(of.evaluated)}</td><td class="n">${number(of.lag)}</td><td class="n">${of.waitingSeconds == null ? "–" : `${number(of.waitingSeconds)} s`}</td><td class="tight"><${Time} of=${of.lastBatch}/></td></tr>`)}</tbody></table></${Scroll}>` : html`<p>No call has arrived yet: is the policy included in an API, and does the gateway reach the hub?</p>`}</section>
    <section class="card"><h2>Who is told of alerts</h2>${one.outputs.length ? html`<${Scroll} label="Receivers"><table><${Head} of=${["receiver", ["waiting", "n"], "since", "last answer"]}/><tbody>
      ${one.outputs.map(of => html`<tr><td>${of.name}</td><td class="n">${number(of.waiting)}</td><td><${Time} of=${of.since}/></td><td>${of.last ?? "–"}</td></tr>`)}</tbody></table></${Scroll}>` : html`<p>Nobody: neither a hub nor a webhook is set.</p>`}</section>`
}
