import { attrInt, attrInts, attrString, elementCount, type DataType, type Graph, type Node } from '@verge/onnx';
import { TrainingError } from './errors.js';
import { slidingWindow } from './gradients/geometry.js';
import { broadcast, type Shape } from './tape.js';

export interface StaticType {
  readonly shape: Shape;
  readonly dtype: DataType;
}

class Walk {
  readonly types = new Map<string, StaticType>();
  constructor(readonly graph: Graph) {}

  shape(name: string): Shape {
    return this.types.get(name)!.shape;
  }

  ints(name: string | undefined): number[] | undefined {
    const value = name ? this.graph.initializers.get(name)?.value : undefined;
    return value && 'data' in value && value.dtype === 'int64' ? Array.from(value.data, Number) : undefined;
  }
}

const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function conv(w: Walk, n: Node): Shape {
  const x = w.shape(n.inputs[0]!);
  const k = w.shape(n.inputs[1]!);
  return [x[0]!, k[0]!, ...windowed(n, x, k.slice(2))];
}

function windowed(n: Node, x: Shape, kernel: Shape): number[] {
  const rank = kernel.length;
  const auto = attrString(n, 'auto_pad', 'NOTSET');
  const strides = attrInts(
    n,
    'strides',
    Array.from({ length: rank }, () => 1),
  );
  if (auto.startsWith('SAME')) return x.slice(2).map((d, i) => Math.ceil(d / strides[i]!));
  const g = slidingWindow(n, x, x, kernel);
  const round = attrInt(n, 'ceil_mode', 0) ? Math.ceil : Math.floor;
  return kernel.map(
    (k, i) => round((g.input[i]! + g.padBegin[i]! + g.padEnd[i]! - (k - 1) * g.dilations[i]! - 1) / g.strides[i]!) + 1,
  );
}

function matmul(a: Shape, b: Shape): Shape {
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const out = [...broadcast(left.slice(0, -2), right.slice(0, -2)), left.at(-2)!, right.at(-1)!];
  const cut = b.length === 1 ? out.slice(0, -1) : out;
  return a.length === 1
    ? [...cut.slice(0, cut.length - (b.length === 1 ? 1 : 2)), ...(b.length === 1 ? [] : [cut.at(-1)!])]
    : cut;
}

function reduce(w: Walk, n: Node): Shape {
  const x = w.shape(n.inputs[0]!);
  const axes = (w.ints(n.inputs[1]) ?? x.map((_, i) => i)).map((a) => axisOf(a, x.length));
  return attrInt(n, 'keepdims', 1)
    ? x.map((d, i) => (axes.includes(i) ? 1 : d))
    : x.filter((_, i) => !axes.includes(i));
}

function reshape(w: Walk, n: Node): Shape {
  const x = w.shape(n.inputs[0]!);
  const wanted = w.ints(n.inputs[1])!.map((d, i) => (d === 0 ? x[i]! : d));
  const known = wanted.filter((d) => d !== -1).reduce((a, b) => a * b, 1);
  return wanted.map((d) => (d === -1 ? elementCount(x) / known : d));
}

function slice(w: Walk, n: Node): Shape {
  const x = [...w.shape(n.inputs[0]!)];
  const [starts, ends] = [w.ints(n.inputs[1])!, w.ints(n.inputs[2])!];
  const axes = w.ints(n.inputs[3]) ?? starts.map((_, i) => i);
  const steps = w.ints(n.inputs[4]) ?? starts.map(() => 1);
  axes.forEach((a, i) => {
    const axis = axisOf(a, x.length);
    const [size, step] = [x[axis]!, steps[i]!];
    const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v < 0 ? v + size : v, low), high);
    const begin = step > 0 ? clamp(starts[i]!, 0, size) : clamp(starts[i]!, 0, size - 1);
    const end = step > 0 ? clamp(ends[i]!, 0, size) : clamp(ends[i]!, -1, size - 1);
    x[axis] = Math.max(0, Math.ceil((end - begin) / step));
  });
  return x;
}

function shapeOf(w: Walk, n: Node): Shape {
  const x = w.shape(n.inputs[0]!);
  switch (n.op) {
    case 'Conv':
      return conv(w, n);
    case 'MatMul':
      return matmul(x, w.shape(n.inputs[1]!));
    case 'Gemm': {
      const b = w.shape(n.inputs[1]!);
      return [attrInt(n, 'transA', 0) ? x[1]! : x[0]!, attrInt(n, 'transB', 0) ? b[0]! : b[1]!];
    }
    case 'MaxPool':
    case 'AveragePool':
      return [x[0]!, x[1]!, ...windowed(n, x, attrInts(n, 'kernel_shape'))];
    case 'GlobalAveragePool':
      return [x[0]!, x[1]!, ...x.slice(2).map(() => 1)];
    case 'Flatten': {
      const a = axisOf(attrInt(n, 'axis', 1), x.length);
      return [elementCount(x.slice(0, a)), elementCount(x.slice(a))];
    }
    case 'Reshape':
      return reshape(w, n);
    case 'Squeeze': {
      const axes = (w.ints(n.inputs[1]) ?? x.flatMap((d, i) => (d === 1 ? [i] : []))).map((a) => axisOf(a, x.length));
      return x.filter((_, i) => !axes.includes(i));
    }
    case 'Unsqueeze': {
      const given = w.ints(n.inputs[1])!;
      const rank = x.length + given.length;
      const axes = given.map((a) => axisOf(a, rank));
      const rest = [...x];
      return Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : rest.shift()!));
    }
    case 'Transpose':
      return attrInts(
        n,
        'perm',
        x.map((_, i) => x.length - 1 - i),
      ).map((p) => x[p]!);
    case 'Concat': {
      const axis = axisOf(attrInt(n, 'axis'), x.length);
      return x.map((d, i) => (i === axis ? n.inputs.reduce((s, v) => s + w.shape(v)[axis]!, 0) : d));
    }
    case 'Split': {
      const axis = axisOf(attrInt(n, 'axis', 0), x.length);
      return x.map((d, i) => (i === axis ? d / n.outputs.length : d));
    }
    case 'Slice':
      return slice(w, n);
    case 'Pad': {
      const pads = w.ints(n.inputs[1])!;
      const axes = (w.ints(n.inputs[3]) ?? x.map((_, i) => i)).map((a) => axisOf(a, x.length));
      return x.map((d, i) => {
        const k = axes.indexOf(i);
        return k < 0 ? d : d + pads[k]! + pads[k + axes.length]!;
      });
    }
    case 'Gather': {
      const axis = axisOf(attrInt(n, 'axis', 0), x.length);
      return [...x.slice(0, axis), ...w.shape(n.inputs[1]!), ...x.slice(axis + 1)];
    }
    case 'Expand':
      return broadcast(x, w.ints(n.inputs[1])!);
    case 'ReduceSum':
    case 'ReduceMean':
    case 'ReduceMax':
      return reduce(w, n);
    case 'Clip':
    case 'Dropout':
    case 'BatchNormalization':
      return x;
    default:
      return n.inputs
        .filter((i) => i !== '')
        .map((i) => w.shape(i))
        .reduce(broadcast);
  }
}

export function staticTypes(graph: Graph): Map<string, StaticType> {
  const w = new Walk(graph);
  for (const [name, s] of graph.initializers) w.types.set(name, { shape: s.value.dims, dtype: s.value.dtype });
  for (const i of graph.inputs) {
    if (i.type?.kind !== 'tensor') throw new TrainingError('bad-model', i.name);
    w.types.set(i.name, { shape: i.type.shape!.map(Number), dtype: i.type.dtype! });
  }
  for (const n of graph.nodes) {
    const shape = shapeOf(w, n);
    for (const o of n.outputs) {
      const logical = ['Greater', 'Less', 'Equal', 'And'].includes(n.op);
      if (o) w.types.set(o, { shape, dtype: logical ? 'bool' : 'float32' });
    }
  }
  return w.types;
}
