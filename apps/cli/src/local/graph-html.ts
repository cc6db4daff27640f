/** A model as one HTML page: what it costs, the graph to zoom and drag, and a table of layers. No network. */
import type { ModelSummary } from '@verge/onnx';
import { escapeXml } from './graph-svg.js';

export interface Page {
  readonly title: string;
  readonly facts: readonly (readonly [string, string])[];
  readonly svg: string;
  readonly layers: ModelSummary['layers'];
}

const STYLE = `
body{margin:0;font:14px system-ui,'Segoe UI',Roboto,sans-serif;color:#17202b;background:#f6f7f9}
main{display:grid;grid-template-columns:minmax(320px,510px) 1fr;height:100vh}
aside{overflow:auto;padding:16px;border-right:1px solid #d8dde3;background:#fff}
h1{font-size:17px;margin:0 0 12px;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:auto 1fr;gap:4px 12px;margin:0}
dt{color:#5c6672}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;margin-top:16px;width:100%;font-size:12px}
th,td{padding:3px 5px;text-align:left;border-bottom:1px solid #e6e9ed;white-space:nowrap}
td:first-child{white-space:normal;overflow-wrap:anywhere;min-width:64px}
th{position:sticky;top:-16px;background:#fff}
td.n,th.n{text-align:right}
#view{overflow:hidden;cursor:grab;background:#fff;touch-action:none}
#view svg{transform-origin:0 0}
p{color:#5c6672;font-size:12px}
@media(max-width:700px){main{grid-template-columns:1fr;grid-template-rows:auto 70vh;height:auto}}
`;

/** Wheel zooms about the pointer, dragging moves, double click fits the width again. */
const SCRIPT = `
const view=document.getElementById('view'),svg=view.querySelector('svg');
let k=1,x=0,y=0;
const put=()=>{svg.style.transform='translate('+x+'px,'+y+'px) scale('+k+')'};
const fit=()=>{const w=svg.viewBox.baseVal.width;k=Math.min(1,view.clientWidth/w);x=Math.max(0,(view.clientWidth-w*k)/2);y=0;put()};
view.addEventListener('wheel',e=>{e.preventDefault();const r=view.getBoundingClientRect(),px=e.clientX-r.left,py=e.clientY-r.top;
if(!e.ctrlKey&&!e.altKey&&!e.shiftKey){y-=e.deltaY;x-=e.deltaX;put();return}
const f=Math.exp(-e.deltaY/400),n=Math.min(4,Math.max(.05,k*f));x=px-(px-x)*n/k;y=py-(py-y)*n/k;k=n;put()},{passive:false});
view.addEventListener('pointerdown',e=>{view.setPointerCapture(e.pointerId);const sx=e.clientX-x,sy=e.clientY-y;
const move=m=>{x=m.clientX-sx;y=m.clientY-sy;put()};view.addEventListener('pointermove',move);
view.addEventListener('pointerup',()=>view.removeEventListener('pointermove',move),{once:true})});
view.addEventListener('dblclick',fit);addEventListener('resize',fit);fit();
`;

const row = (cells: readonly string[], tag: 'td' | 'th'): string =>
  `<tr>${cells.map((c, i) => `<${tag}${i > 2 ? ' class="n"' : ''}>${escapeXml(c)}</${tag}>`).join('')}</tr>`;

const number = (n: number | null): string => (n === null ? '?' : n.toLocaleString('en'));

export function graphHtml({ title, facts, svg, layers }: Page): string {
  const list = facts.map(([name, value]) => `<dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd>`).join('\n');
  const rows = layers.map((l) => {
    const shape = l.shape ? l.shape.map((d) => d ?? '?').join('×') : '?';
    return row([l.name, l.op, shape, number(l.parameters), number(l.macs)], 'td');
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeXml(title)}</title><style>${STYLE}</style></head>
<body><main><aside><h1>${escapeXml(title)}</h1>
<dl>
${list}
</dl>
<p>Drag or scroll to move, Ctrl and wheel to zoom, double click to fit. Names and shapes show on hover.</p>
<table><thead>${row(['layer', 'operator', 'output', 'parameters', 'MACs'], 'th')}</thead><tbody>
${rows.join('\n')}
</tbody></table></aside>
<div id="view">${svg}</div></main>
<script>${SCRIPT}</script></body></html>
`;
}
