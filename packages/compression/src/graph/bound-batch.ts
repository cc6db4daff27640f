/**
 * Sizes with the batch as a number. Exporters join the batch with the heads of an attention, [batch * heads, tokens, width]: which
 * indices of such an axis are which head is only seen where the batch is a number. The axis keeps an open size all the same, so nothing may
 * write its size down.
 */
import { OnnxError, provenTypes, type Model, type ValueType } from '@verge/onnx';

/** A prime that no network has as a size of its own, so that sizes are equal only where they must be. */
const BATCH = 61;

const isOpen = (size: unknown): boolean => typeof size !== 'number';

/** The model with the first size of each input as a number where it is open, and what has the same name likewise. */
function bound(model: Model): Model | null {
  const fed = model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
  const firsts = fed.flatMap(({ type }) => (type?.kind === 'tensor' && type.shape ? [type.shape[0]] : []));
  const names = new Set(firsts.filter((d) => typeof d === 'string'));
  if (!firsts.some((d) => d !== undefined && isOpen(d))) return null;
  const inputs = model.graph.inputs.map((info) => {
    if (!fed.includes(info) || info.type?.kind !== 'tensor' || !info.type.shape) return info;
    const shape = info.type.shape.map((d, i) =>
      (i === 0 && isOpen(d)) || (typeof d === 'string' && names.has(d)) ? BATCH : d,
    );
    return { ...info, type: { ...info.type, shape } };
  });
  return { ...model, graph: { ...model.graph, inputs, values: new Map() } };
}

/** Proven types with the batch as a number; `open` where that is not possible, or the batch is a number in the file. */
export function typesAtBatch(model: Model, open: ReadonlyMap<string, ValueType>): ReadonlyMap<string, ValueType> {
  const fixed = bound(model);
  if (!fixed) return open;
  try {
    return provenTypes(fixed);
  } catch (cause) {
    // A network may insist on a batch of its own.
    if (cause instanceof OnnxError) return open;
    throw cause;
  }
}
