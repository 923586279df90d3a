// What to look at first: four kinds of number, thirty days, what needs somebody, and whether Gatewatch itself is well.
import {Title, html} from "../parts.js"

export default function Overview() {
  return html`<${Title}>Overview</${Title}><p><a href="/ui/health">Health</a>, <a href="/ui/usage">usage</a></p>`
}
