/**
 * Lets a matrix product add to the velocity that it belongs to. The velocity of a dense layer is momentum * velocity + dW, dW
 * a Gemm; Gemm-13 computes alpha A B + beta C, so the passes over memory that scale and add become one copy.
 */
import { attrFloat, float, int64, type Graph, type Node, type StoredTensor } from '@verge/onnx';

interface Uses {
  readonly makers: ReadonlyMap<string, Node>;
  /** How many nodes read a value. */
  readonly readers: ReadonlyMap<string, number>;
  readonly inputs: ReadonlySet<string>;
  readonly constants: ReadonlyMap<string, StoredTensor>;
}

function usesOf(graph: Graph): Uses {
  const readers = new Map<string, number>();
  for (const n of graph.nodes) for (const i of n.inputs) readers.set(i, (readers.get(i) ?? 0) + 1);
  return {
    makers: new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const))),
    readers,
    inputs: new Set(graph.inputs.map((i) => i.name)),
    constants: graph.initializers,
  };
}

function scalarOf(stored: StoredTensor | undefined): number | undefined {
  const value = stored?.value;
  return value && 'data' in value && value.dtype === 'float32' && value.data.length === 1 ? value.data[0] : undefined;
}

interface Velocity {
  /** velocity * momentum + Reshape(product): the node, and the three that it is made of. */
  readonly sum: Node;
  readonly scaled: Node;
  readonly flat: Node;
  readonly product: Node;
  readonly momentum: number;
}

/** The parts of a velocity, where nothing else reads them. */
function velocityOf(sum: Node, uses: Uses): Velocity | undefined {
  if (sum.op !== 'Add') return undefined;
  const [scaled, flat] = sum.inputs.map((i) => uses.makers.get(i));
  if (scaled?.op !== 'Mul' || !uses.inputs.has(scaled.inputs[0]!) || flat?.op !== 'Reshape') return undefined;
  const product = uses.makers.get(flat.inputs[0]!);
  const momentum = scalarOf(uses.constants.get(scaled.inputs[1]!));
  if (product?.op !== 'Gemm' || product.inputs[2] || momentum === undefined) return undefined;
  const alone = [scaled, flat, product].every((n) => uses.readers.get(n.outputs[0]!) === 1);
  return alone && attrFloat(product, 'alpha', 1) === 1 ? { sum, scaled, flat, product, momentum } : undefined;
}

/**
 * @param shapes shape of each dense layer's weights, by the value that holds their flat gradient
 * @returns the graph with the products that could take their velocity in
 */
export function addInProducts(graph: Graph, shapes: ReadonlyMap<string, readonly number[]>): Graph {
  const uses = usesOf(graph);
  const replaced = new Map<Node, readonly Node[]>();
  const initializers = new Map(graph.initializers);
  for (const node of graph.nodes) {
    const found = velocityOf(node, uses);
    const shape = found && shapes.get(found.flat.outputs[0]!);
    if (!found || !shape) continue;
    const { sum, scaled, flat, product, momentum } = found;
    const [matrix, size] = [`${scaled.inputs[0]!}.matrix`, `${scaled.inputs[0]!}.shape`];
    initializers.set(size, { name: size, value: int64([shape.length], shape) });
    const reshape: Node = {
      ...flat,
      name: `${flat.name}.velocity`,
      inputs: [scaled.inputs[0]!, size],
      outputs: [matrix],
    };
    const attributes = new Map([...product.attributes, ['beta', float(momentum)] as const]);
    replaced.set(product, [reshape, { ...product, inputs: [...product.inputs.slice(0, 2), matrix], attributes }]);
    replaced.set(scaled, []);
    replaced.set(flat, [{ ...flat, outputs: sum.outputs }]);
    replaced.set(sum, []);
  }
  return { ...graph, initializers, nodes: graph.nodes.flatMap((n) => replaced.get(n) ?? [n]) };
}
