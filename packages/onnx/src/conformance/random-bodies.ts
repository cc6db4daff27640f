/** Test support: graphs inside random graphs. */
import { GraphBuilder, int, int64, type Graph, type ValueInfo } from '../index.js';

const untyped = (name: string): ValueInfo => ({ name, type: null });

/** A branch of one node on the value `outer` around it. */
export function branchOf(op: string, outer: string): Graph {
  const b = new GraphBuilder(undefined, new Set([outer]));
  b.graph.outputs.push(untyped(b.node(op, [outer], {}, 1, { name: 'branch_node' })));
  return b.graph;
}

function scalar(name: string, dtype: 'int64' | 'bool'): ValueInfo {
  return { name, type: { kind: 'tensor', dtype, shape: [] } };
}

/**
 * A body of a Loop with one state: it stays as it is or grows along its first axis, and a vector of its rank is collected
 * on each trip. It may end the loop after the first trip.
 */
export function loopBody(rank: number, grows: boolean, stops: boolean): Graph {
  const b = new GraphBuilder(undefined, new Set(['body_i', 'body_go', 'body_x']));
  const state: ValueInfo = { name: 'body_x', type: { kind: 'tensor', dtype: 'float32', shape: null } };
  b.graph.inputs.push(scalar('body_i', 'int64'), scalar('body_go', 'bool'), state);
  const one = b.constant(int64([], [stops ? 1 : 99]), 'body_one');
  const goes = b.node('Less', ['body_i', one], {}, 1, { name: 'body_less' });
  const same = { name: 'body_next' };
  const next =
    grows && rank > 0
      ? b.node('Concat', ['body_x', 'body_x'], { axis: int(0) }, 1, same)
      : b.node('Relu', ['body_x'], {}, 1, same);
  const slice = b.node('Unsqueeze', ['body_i', b.constant(int64([1], [0]), 'body_axes')], {}, 1, {
    name: 'body_slice',
  });
  b.graph.outputs.push(untyped(goes), untyped(next), untyped(slice));
  return b.graph;
}

/**
 * A body of a Scan that sums its slices of this rank. ONNX Runtime wants the rank declared, and takes a symbol as one
 * size in the whole model.
 */
export function scanBody(symbol: string, rank: number): Graph {
  const b = new GraphBuilder(undefined, new Set(['body_sum', 'body_slice']));
  for (const name of ['body_sum', 'body_slice']) {
    const shape = Array.from({ length: Math.max(rank, 0) }, (_, i) => `${symbol}_${i}`);
    b.graph.inputs.push({ name, type: { kind: 'tensor', dtype: 'float32', shape } });
  }
  const sum = b.node('Add', ['body_sum', 'body_slice'], {}, 1, { name: 'body_add' });
  b.graph.outputs.push(untyped(sum), untyped(b.node('Neg', [sum], {}, 1, { name: 'body_neg' })));
  return b.graph;
}
