/** Proven shapes of a model's values, found once for each model. */
import { type Dim, type Model, provenTypes, type ValueType } from '@verge/onnx';

const known = new WeakMap<Model, ReadonlyMap<string, ValueType>>();

/** Names and null stand for sizes that are open; empty where nothing is proven. */
export function shapeIn(model: Model, value: string): readonly Dim[] {
  const types = known.get(model) ?? provenTypes(model);
  known.set(model, types);
  const type = types.get(value);
  return type?.kind === 'tensor' ? (type.shape ?? []) : [];
}
