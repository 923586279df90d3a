// Ways from outside to what must not get out, drawn; each with the one step that closes it.
import {Empty, Loaded, Severity, Title, html, number, useApi} from "../parts.js"
import {useWidth} from "../chart.js"

export default function AttackPaths() {
  const found = useApi("attack-paths")
  return html`<${Title} lead="From where a caller stands to what must not get out.">Attack paths</${Title}><${Loaded} of=${found} what="attack paths">${data => !data.value.length
    ? html`<${Empty} title="No attack path is known"><p>Nothing leads from outside to sensitive data without a check, as far as the gateway's configuration and the traffic show.</p></${Empty}>`
    : data.value.map(one => html`<${Path} key=${one.id} of=${one}/>`)}</${Loaded}>`
}

function Path({of}) {
  return html`<section class="card" aria-labelledby="path-${of.id}"><h2 id="path-${of.id}"><${Severity} of=${of.severity}/> ${of.title} <span class="quiet">risk ${number(of.risk?.score ?? of.risk)}</span></h2><${Drawn} nodes=${of.nodes ?? []} edges=${of.edges ?? []}/>
    ${of.fix && html`<p class="silent"><strong>To close it:</strong> ${of.fix.text}${of.fix.step && of.fix.step !== of.fix.text ? html`. <span class="quiet break">${of.fix.step}</span>` : ""}</p>`}
    ${of.evidence?.length > 0 && html`<details><summary>Evidence</summary><ul>${of.evidence.map(one => html`<li class="break">${typeof one === "string" ? one : [one.path, one.value].filter(part => part != null).join(" = ")}</li>`)}</ul></details>`}</section>`
}

/** Edges name their ends by name. */
const key = node => node.name

/** Left to right where there is room, top to bottom on a phone. */
function Drawn({nodes, edges}) {
  const [width, box] = useWidth(260)
  const order = arranged(nodes, edges), across = width >= order.length * 150
  const gap = across ? Math.max(36, Math.min(88, (width - order.length * 120) / Math.max(1, order.length - 1))) : 44, h = 48
  const widths = across ? shared(order, width - gap * (order.length - 1)) : order.map(() => Math.min(width - 2, 340))
  const place = new Map(order.map((node, i) => [key(node), across ? [widths.slice(0, i).reduce((sum, w) => sum + w + gap, 0), 26, widths[i]] : [1, 1 + i * (h + gap), widths[i]]]))
  const height = across ? h + 34 : order.length * (h + gap) - gap + 2
  const cut = (text, w) => { const fits = Math.floor((w - 20) / LETTER); return text.length > fits ? text.slice(0, fits - 1) + "…" : text }
  return html`<figure ref=${box}><svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label=${order.map(node => `${node.kind} ${node.name}`).join(", then ")}>
    ${edges.map(edge => { const a = place.get(edge.from), b = place.get(edge.to); if (!a || !b) return null
      const [x1, y1, x2, y2] = across ? [a[0] + a[2], a[1] + h / 2, b[0] - 2, b[1] + h / 2] : [a[0] + 28, a[1] + h, b[0] + 28, b[1] - 2]
      const head = across ? `M${x2} ${y2}l-8 -4v8z` : `M${x2} ${y2}l-4 -8h8z`, far = across ? Math.abs(order.findIndex(n => key(n) === edge.to) - order.findIndex(n => key(n) === edge.from)) > 1 : false
      return html`<path class="arrow" d=${far ? `M${a[0] + a[2] / 2} ${a[1]}C${a[0] + a[2] / 2} 0 ${b[0] + b[2] / 2} 0 ${b[0] + b[2] / 2} ${b[1] - 2}` : `M${x1} ${y1}L${x2} ${y2}`}/>${!far && html`<path class="arrowhead" d=${head}/>`}${edge.label && html`<text class="edge-name" x=${across ? (x1 + x2) / 2 : x1 + 12} y=${across ? 14 : (y1 + y2) / 2 + 4} text-anchor=${across ? "middle" : "start"}>${edge.label}</text>`}` })}
    ${order.map(node => { const [x, y, w] = place.get(key(node)); return html`<g><title>${node.kind}: ${node.name}</title><rect class="node ${node.kind}" x=${x + .5} y=${y + .5} width=${w - 1} height=${h - 1} rx="6"/><text class="node-kind" x=${x + 10} y=${y + 18}>${node.kind}</text><text class="node-name" x=${x + 10} y=${y + 36}>${cut(node.name, w)}</text></g>` })}</svg></figure>`
}
const LETTER = 7.4
/** The room that there is, to each node as much as its name needs and the rest to all alike; where it is too little, less to the longest. */
function shared(nodes, room) {
  const wanted = nodes.map(node => Math.max(80, 22 + Math.max(node.name.length * LETTER, node.kind.length * 6.5))), sum = wanted.reduce((a, b) => a + b, 0)
  if (sum <= room) return wanted.map(w => w + (room - sum) / nodes.length)
  let most = Math.max(...wanted)
  while (most > 80 && wanted.reduce((all, w) => all + Math.min(w, most), 0) > room) most -= 2
  return wanted.map(w => Math.min(w, most))
}
/** Nodes in the order in which the edges lead to them. */
function arranged(nodes, edges) {
  const left = [...nodes], found = []
  while (left.length) {
    const next = left.findIndex(node => !edges.some(edge => edge.to === key(node) && left.some(other => key(other) === edge.from && other !== node)))
    found.push(...left.splice(Math.max(0, next), 1))
  }
  return found
}
