/**
 * Lets a matrix product add to the velocity that it belongs to. The velocity of a dense layer is momentum * velocity + dW, dW
 * a Gemm; Gemm-13 computes alpha A B + beta C, so the passes over memory that scale and add become one copy.
 */
import { attrFloat, float, type Graph, type Node, type StoredTensor } from '@verge/onnx';

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
  /** velocity * momentum + product: the node, and the two that it is made of. */
  readonly sum: Node;
  readonly scaled: Node;
  readonly product: Node;
  readonly momentum: number;
}

/** The parts of a velocity, where nothing else reads them. */
function velocityOf(sum: Node, uses: Uses): Velocity | undefined {
  if (sum.op !== 'Add') return undefined;
  const [scaled, product] = sum.inputs.map((i) => uses.makers.get(i));
  if (scaled?.op !== 'Mul' || !uses.inputs.has(scaled.inputs[0]!) || product?.op !== 'Gemm') return undefined;
  const momentum = scalarOf(uses.constants.get(scaled.inputs[1]!));
  const free = !product.inputs[2] && attrFloat(product, 'alpha', 1) === 1 && momentum !== undefined;
  const alone = [scaled, product].every((n) => uses.readers.get(n.outputs[0]!) === 1);
  return free && alone ? { sum, scaled, product, momentum } : undefined;
}

/** The graph with every velocity that a product makes added in that product. */
export function addInProducts(graph: Graph): Graph {
  const uses = usesOf(graph);
  const replaced = new Map<Node, readonly Node[]>();
  for (const node of graph.nodes) {
    const found = velocityOf(node, uses);
    if (!found) continue;
    const { sum, scaled, product, momentum } = found;
    const attributes = new Map([...product.attributes, ['beta', float(momentum)] as const]);
    const inputs = [...product.inputs.slice(0, 2), scaled.inputs[0]!];
    replaced.set(product, [{ ...product, inputs, outputs: sum.outputs, attributes }]);
    replaced.set(scaled, []);
    replaced.set(sum, []);
  }
  return { ...graph, nodes: graph.nodes.flatMap((n) => replaced.get(n) ?? [n]) };
}
