import { atSizes, float32, GraphBuilder, int, type Model, summarize } from '@verge/onnx';
import { describe, expect, it } from 'vitest';
import { drawGraph, MOST_NODES, short } from './graph-layout.js';
import { graphHtml } from './graph-html.js';
import { COLOURS, kindOf } from './graph-kinds.js';
import { escapeXml, graphSvg } from './graph-svg.js';

function residual(): Model {
  const b = new GraphBuilder();
  const x = b.input('x <&>', 'float32', ['n', 4]);
  const w = b.constant(float32([4, 4], new Float32Array(16)));
  const h = b.node('Relu', [b.node('MatMul', [x, w], {}, 1, { name: 'layers/"0"' })]);
  const y = b.node('Add', [b.node('MatMul', [h, w]), x]);
  b.output(b.node('Softmax', [y], { axis: int(1) }), 'float32', ['n', 4]);
  return b.build();
}

const drawingOf = (model: Model) => drawGraph(atSizes(model).model.graph, summarize(model));

describe('drawing a graph', () => {
  it('puts every node below what it reads, and none over another', () => {
    const { nodes, edges, width, height, left } = drawingOf(residual());
    expect(nodes.map((n) => n.title).sort()).toEqual(
      ['Add', 'MatMul', 'MatMul', 'Relu', 'Softmax', 'Softmax_out', 'x <&>'].sort(),
    );
    expect(left).toBe(0);
    for (const { points } of edges) expect(points.at(-1)!.y).toBeGreaterThan(points[0]!.y);
    for (const a of nodes) {
      expect(a.x - a.width / 2 >= 0 && a.x + a.width / 2 <= width && a.y + a.height / 2 <= height).toBe(true);
      for (const b of nodes) {
        const apart =
          Math.abs(a.x - b.x) >= (a.width + b.width) / 2 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2;
        expect(a === b || apart).toBe(true);
      }
    }
  });

  it('says what a node costs and what its values are', () => {
    const { nodes, edges } = drawingOf(residual());
    const product = nodes.find((n) => n.facts[0]!.includes('layers'))!;
    expect([product.kind, product.line]).toEqual(['product', '16 params · 16 MACs']);
    expect(product.facts).toContain('in x <&> 1×4');
    expect(edges.every((e) => e.label === '1×4')).toBe(true);
  });

  it('draws a large graph up to a limit and says how much is missing', () => {
    const b = new GraphBuilder();
    let x = b.input('x', 'float32', [1]);
    for (let i = 0; i < MOST_NODES + 7; i++) x = b.node('Relu', [x]);
    b.output(x, 'float32', [1]);
    const drawing = drawingOf(b.build());
    expect(drawing.left).toBe(7);
    expect(graphSvg(drawing, ['big', ''])).toContain(`Only the first ${MOST_NODES} nodes are drawn; 7 more follow.`);
  });

  it('writes XML whatever the names hold, and reaches for nothing outside', () => {
    const svg = graphSvg(drawingOf(residual()), ['a & b', '<script>']);
    const page = graphHtml({ title: '</title>', facts: [['name', '<b>']], svg, layers: summarize(residual()).layers });
    for (const text of [svg, page]) {
      expect(text).toContain('layers/&quot;0&quot;');
      expect(text).not.toMatch(/<b>|x <&>/);
      // The namespace is a name, not an address that anything fetches.
      expect(text.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|src=|@import|url\((?!#)/);
    }
    expect(escapeXml('a\u0000\ufffe<')).toBe('a\ufffd\ufffd&lt;');
  });

  it('knows kinds by operator, and numbers as people say them', () => {
    expect(['Conv', 'LSTM', 'Relu', 'If', 'FutureOp'].map(kindOf)).toEqual([
      'product',
      'recurrent',
      'activation',
      'control',
      'other',
    ]);
    expect(
      Object.values(COLOURS)
        .flat()
        .every((c) => /^#[0-9a-f]{6}$/.test(c)),
    ).toBe(true);
    expect([999, 1000, 3_489_099, 1.5e9].map(short)).toEqual(['999', '1 k', '3.49 M', '1.5 G']);
  });
});
