/** bfloat16 at the edges of a session that is handed float32. */
import { bfloat16Bits, bfloat16Value, type EdgeChange, type Tensor } from '@verge/onnx';
import type { OrtSession, Port } from './loaded-session.js';

function widened(tensor: Tensor): Tensor {
  if (tensor.dtype !== 'bfloat16') return tensor;
  return { dtype: 'float32', dims: tensor.dims, data: Float32Array.from(tensor.data, bfloat16Value) };
}

/** Exact, since the numbers were bfloat16 before the Cast that the model ends with. */
function narrowed(tensor: Tensor): Tensor {
  if (tensor.dtype !== 'float32') return tensor;
  return { dtype: 'bfloat16', dims: tensor.dims, data: Uint16Array.from(tensor.data, bfloat16Bits) };
}

/** The session with the types that the model had: bfloat16 goes in and comes out as bit patterns. */
export function inBfloat16(session: OrtSession, changes: readonly EdgeChange[]): OrtSession {
  const names = (side: 'input' | 'output'): Set<string> =>
    new Set(changes.flatMap((c) => (c.kind === 'bfloat16' && c.side === side ? [c.name] : [])));
  const [into, out] = [names('input'), names('output')];
  const typed = (ports: readonly Port[], narrow: ReadonlySet<string>): Port[] =>
    ports.map((port) => (narrow.has(port.name) ? { ...port, dtype: 'bfloat16' } : port));
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    inputs: typed(session.inputs, into),
    outputs: typed(session.outputs, out),
    changes,
    async run(feeds, outputs, places) {
      const wide = Object.entries(feeds).map(([name, t]) => [name, into.has(name) ? widened(t) : t] as const);
      const results = await session.run(Object.fromEntries(wide), outputs, places);
      for (const name of out) if (results[name]) results[name] = narrowed(results[name]);
      return results;
    },
    release: () => session.release(),
  };
}
