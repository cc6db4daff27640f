/** The nodes that take the place of one. */
import { collectNames, int, ints, type Model, type Node } from '@verge/onnx';
import type { Layer } from './layers.js';
import type { Piece } from './kernel.js';

/** Strides, pads and dilations of the axes that a piece walks; the others are walked by none. */
function convolutionAttributes(node: Node, { walk, window, group }: Piece): Node['attributes'] {
  const attributes: Node['attributes'] = new Map([['kernel_shape', ints(window)]]);
  if (group !== 1) attributes.set('group', int(group));
  if (walk === 'none') return attributes;
  const walks = window.map((_, axis) => walk === 'all' || axis === (walk === 'rows' ? 0 : 1));
  const given = (name: string): number[] | null => {
    const attribute = node.attributes.get(name);
    return attribute?.kind === 'ints' ? Array.from(attribute.value, Number) : null;
  };
  for (const name of ['strides', 'dilations']) {
    const values = given(name);
    if (values) attributes.set(name, ints(values.map((v, axis) => (walks[axis] ? v : 1))));
  }
  const pads = given('pads');
  if (pads) attributes.set('pads', ints(pads.map((v, i) => (walks[i % walks.length] ? v : 0))));
  const automatic = node.attributes.get('auto_pad');
  if (automatic) attributes.set('auto_pad', automatic);
  return attributes;
}

function stored(piece: Piece, turned: boolean): { dims: number[]; data: Float32Array } {
  const { outputs, inputs, window, data } = piece;
  if (!turned) return { dims: [outputs, inputs, ...window], data: Float32Array.from(data) };
  const result = new Float32Array(data.length);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) result[i * outputs + o] = data[o * inputs + i] as number;
  return { dims: [inputs, outputs], data: result };
}

/**
 * Changes the model in place: the pieces follow each other where the node was, the last one gives what it gave and has its bias. The
 * weight leaves the file.
 *
 * @param node as the original model has it; found in `model` by its output
 */
export function replaceLayer(model: Model, node: Node, layer: Layer, pieces: readonly Piece[]): void {
  const { graph } = model;
  const taken = collectNames(graph);
  const fresh = (stem: string): string => {
    let name = stem;
    for (let i = 2; taken.has(name); i++) name = `${stem}_${i}`;
    taken.add(name);
    return name;
  };
  const at = graph.nodes.findIndex((n) => n.outputs[0] === node.outputs[0]);
  const old = graph.nodes[at] as Node;
  let value = old.inputs[0] as string;
  const made = pieces.map((piece, i): Node => {
    const last = i === pieces.length - 1;
    const weight = fresh(`${layer.weight}/part${i + 1}`);
    graph.initializers.set(weight, { name: weight, value: { dtype: 'float32', ...stored(piece, layer.turned) } });
    const inputs = [value, weight, ...(last ? old.inputs.slice(2) : [])];
    value = last ? (old.outputs[0] as string) : fresh(`${old.outputs[0]}/part${i + 1}`);
    const attributes =
      old.op === 'Conv'
        ? convolutionAttributes(old, piece)
        : new Map([...old.attributes].filter(([name]) => last || name !== 'beta'));
    return { ...old, name: fresh(`${old.name || old.op}/part${i + 1}`), inputs, outputs: [value], attributes };
  });
  graph.nodes.splice(at, 1, ...made);
  graph.initializers.delete(layer.weight);
  const index = graph.inputs.findIndex((i) => i.name === layer.weight);
  if (index >= 0) graph.inputs.splice(index, 1);
}
