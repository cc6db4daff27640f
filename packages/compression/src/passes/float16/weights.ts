/** Weights are stored as halves; ONNX Runtime makes floats of them when it loads the model, and computes as before. */
import { int, type Model, type Node } from '@verge/onnx';
import { cloneModel, GraphIndex, nodeName } from '../../graph/index-of-values.js';
import { constantsInside } from '../branches.js';
import type { PassResult } from '../pass.js';
import { allVanish, largestFinite, TOO_LARGE, toHalves } from './halves.js';

/** FLOAT in TensorProto.DataType (onnx.proto). */
const FLOAT = 1;
/** A Cast and two names take about as many bytes as this many weights save. */
const FEWEST = 64;

/** Why a constant stays in floats, or null. */
function reasonToStay(data: Float32Array, readers: readonly Node[], keep: ReadonlySet<string>): string | null {
  const kept = readers.map(nodeName).find((name) => keep.has(name));
  if (kept !== undefined) return `the recipe keeps '${kept}', which reads it`;
  const largest = largestFinite(data);
  if (largest >= TOO_LARGE) return `it reaches ${largest.toPrecision(3)}, float16 ends at 65,504`;
  return allVanish(data) ? 'all of it is too small for float16' : null;
}

/** @param model with its constants as initializers */
export function storeHalves(model: Model, keep: ReadonlySet<string>): Omit<PassResult, 'notes'> {
  const result = cloneModel(model);
  const { initializers } = result.graph;
  const index = new GraphIndex(model.graph);
  const declined = constantsInside(model, FEWEST);
  const casts: Node[] = [];
  let vanished = 0;
  for (const name of [...initializers.keys()]) {
    const tensor = index.floats(name);
    if (!tensor || tensor.data.length < FEWEST || index.outputs.has(name)) continue;
    const reason = reasonToStay(tensor.data, index.readers(name), keep);
    if (reason !== null) {
      declined.push({ node: name, reason });
      continue;
    }
    const stored = `${name}/float16`;
    const halves = toHalves(tensor.data);
    vanished += halves.vanished;
    initializers.delete(name);
    initializers.set(stored, { name: stored, value: { dtype: 'float16', dims: tensor.dims, data: halves.bits } });
    const attributes: Node['attributes'] = new Map([['to', int(FLOAT)]]);
    casts.push({ op: 'Cast', domain: '', name: '', inputs: [stored], outputs: [name], attributes });
  }
  result.graph.inputs = result.graph.inputs.filter((input) => !casts.some((cast) => cast.outputs[0] === input.name));
  result.graph.nodes.unshift(...casts);
  return { model: result, changes: { weights: casts.length, ...(vanished > 0 && { vanished }) }, declined };
}
