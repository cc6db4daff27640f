/**
 * Classifiers without ZipMap.
 *
 * ZipMap (ai.onnx.ml 1) turns scores [N, C] into a sequence of N maps from class to score: scikit-learn, LightGBM and
 * XGBoost exporters put it last. No number is computed by it, and few bindings of executors hand a sequence of maps
 * out, so a model is run, compared and served with the scores themselves.
 */
import { attrStrings } from '../attributes.js';
import type { Graph, Model, Node, ValueInfo } from '../ir.js';
import { readsOf } from '../rewrite/view.js';

export interface RemovedZipMap {
  /** The output of the graph that was a sequence of maps and is a float32 tensor [N, C] now. */
  readonly output: string;
  /** Classes in the order of the columns, as strings also where they are integers. */
  readonly labels: readonly string[];
}

/** Classes that a node of ai.onnx.ml names, in the order of its scores; null where it names none. */
export function classLabelsOf(node: Node): readonly string[] | null {
  for (const key of ['classlabels_int64s', 'classlabels_ints']) {
    const found = node.attributes.get(key);
    if (found?.kind === 'ints') return found.value.map(String);
  }
  return node.attributes.has('classlabels_strings') ? attrStrings(node, 'classlabels_strings') : null;
}

const isZipMap = (node: Node): boolean => node.op === 'ZipMap' && node.domain === 'ai.onnx.ml';

/** An Identity in place of the ZipMap, so that the output keeps its name whatever else reads the scores. */
const handingOn = ({ name, inputs, outputs }: Node): Node => ({
  op: 'Identity',
  domain: '',
  name,
  inputs: [...inputs],
  outputs: [...outputs],
  attributes: new Map(),
});

/** The first size of the scores where the file says it; the second is that of the classes. */
function scoresInfo(graph: Graph, node: Node, classes: number): ValueInfo {
  const known = graph.values.get(node.inputs[0] ?? '')?.type;
  const rows = known?.kind === 'tensor' && known.shape?.length === 2 ? known.shape[0]! : null;
  const name = node.outputs[0]!;
  return { name, type: { kind: 'tensor', dtype: 'float32', shape: [rows, classes] } };
}

/**
 * Takes out every ZipMap whose result is an output of the graph and is read by no node: the output, under its own name,
 * is then the scores that the ZipMap read. A ZipMap that something else reads stays.
 * @returns the model itself, and nothing removed, where there is none
 */
export function withoutZipMap(model: Model): { model: Model; removed: readonly RemovedZipMap[] } {
  const { graph } = model;
  const read = new Set<string>();
  for (const node of graph.nodes) for (const name of readsOf(node)) read.add(name);
  const given = new Set(graph.outputs.map((o) => o.name));
  const removed: RemovedZipMap[] = [];
  const infos = new Map<string, ValueInfo>();
  const nodes = graph.nodes.map((node) => {
    const output = node.outputs[0] ?? '';
    const labels = isZipMap(node) ? classLabelsOf(node) : null;
    if (!labels || !given.has(output) || read.has(output)) return node;
    removed.push({ output, labels });
    infos.set(output, scoresInfo(graph, node, labels.length));
    return handingOn(node);
  });
  if (removed.length === 0) return { model, removed };
  const outputs = graph.outputs.map((o) => infos.get(o.name) ?? o);
  return { model: { ...model, graph: { ...graph, nodes, outputs } }, removed };
}
