/** How long each node of a model takes on this machine, from ONNX Runtime's own profile. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeModel, type KernelTime, type KernelTimer, type Model, type Node, type Tensor } from '@verge/onnx';
import type { InferenceSession } from 'onnxruntime-node';
import { toOrt } from './convert.js';
import { RuntimeError, messageOf } from './errors.js';
import { loadOrt } from './ort.js';

export interface ProfileOptions {
  /** Timed runs; 20 when absent. Two more before them are not counted. */
  runs?: number;
  /** Intra-op threads; 1 when absent. */
  threads?: number;
}

export interface NodeProfile {
  /** Median milliseconds of a node's kernel by the node's name, or its first output's where it has none. */
  readonly milliseconds: ReadonlyMap<string, number>;
  /** Bytes of values in the last run by name, of nodes with one output. */
  readonly bytes: ReadonlyMap<string, number>;
}

/** What is read of an event of the profile (Chrome's trace format). */
interface Event {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly output_size?: string; readonly op_name?: string };
}

const WARM_UP = 2;
const SUFFIX = '_kernel_time';

const outputsOf = (node: Node): string[] => node.outputs.filter((name) => name !== '');

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

interface Recording {
  readonly threads: number;
  readonly optimization: 'disabled' | 'all';
  /** Whether to run once more, after so many runs in so many milliseconds. */
  again(runs: number, elapsedMs: number): boolean;
}

/** Runs the bytes with profiling on. @returns all events */
async function record(
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
  { threads, optimization, again }: Recording,
): Promise<Event[]> {
  const ort = await loadOrt();
  const folder = await mkdtemp(join(tmpdir(), 'verge-profile-'));
  let session: InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(model, {
      graphOptimizationLevel: optimization,
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      enableProfiling: true,
      profileFilePrefix: join(folder, 'profile'),
    });
    const values = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(ort, name, tensor)]));
    const from = performance.now();
    for (let i = 0; i < WARM_UP || again(i - WARM_UP, performance.now() - from); i++) await session.run(values);
    session.endProfiling();
    const [file] = await readdir(folder);
    return JSON.parse(await readFile(join(folder, file ?? ''), 'utf8')) as Event[];
  } catch (cause) {
    throw new RuntimeError(session ? 'run-failed' : 'model-refused', messageOf(cause), { cause });
  } finally {
    await session?.release();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Times every node of the graph by itself, without ONNX Runtime's fusions. A node with subgraphs takes what they take.
 * @param model holds its tensors itself
 * @param feeds one tensor for each input
 * @throws RuntimeError `model-refused`, `run-failed`
 */
export async function profileNodes(
  model: Model,
  feeds: Readonly<Record<string, Tensor>>,
  options: ProfileOptions = {},
): Promise<NodeProfile> {
  const { runs = 20, threads = 1 } = options;
  // Names of the profile's own: those of the model may be absent, or occur in subgraphs too.
  const key = (i: number): string => `profiled node ${i}`;
  const { nodes } = model.graph;
  const named = { ...model, graph: { ...model.graph, nodes: nodes.map((node, i) => ({ ...node, name: key(i) })) } };
  // Fused nodes have no name in the model.
  const how = { threads, optimization: 'disabled', again: (done: number) => done < runs } as const;
  const events = await record(encodeModel(named), feeds, how);
  const times = new Map<string, number[]>();
  const sizes = new Map<string, number>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith(SUFFIX)) continue;
    const node = name.slice(0, -SUFFIX.length);
    times.set(node, [...(times.get(node) ?? []), dur / 1000]);
    sizes.set(node, Number(args?.output_size));
  }
  const milliseconds = new Map<string, number>();
  const bytes = new Map<string, number>();
  nodes.forEach((node, i) => {
    const outputs = outputsOf(node);
    const timed = times.get(key(i))?.slice(WARM_UP);
    if (timed && timed.length > 0) milliseconds.set(node.name || (outputs[0] ?? ''), median(timed));
    const size = sizes.get(key(i));
    if (outputs.length === 1 && size !== undefined && Number.isFinite(size)) bytes.set(outputs[0]!, size);
  });
  return { milliseconds, bytes };
}

/** A kernel is timed in so many runs, or in as many as fit the time where that allows for more. */
const LEAST_RUNS = 30;
const MOST_RUNS = 400;
const WORTH_MS = 300;

/**
 * Times every kernel of a model as ONNX Runtime fuses it here. A kernel's time is the mean of its runs but the slowest quarter: what else the
 * machine does only adds, and the profile counts whole microseconds.
 * @throws RuntimeError `model-refused`, `run-failed`; the signal's reason
 */
export const profileKernels: KernelTimer = async (model, feeds, { threads = 1, signal } = {}) => {
  const again = (runs: number, elapsedMs: number): boolean =>
    !signal?.aborted && (runs < LEAST_RUNS || (elapsedMs < WORTH_MS && runs < MOST_RUNS));
  const events = await record(model, feeds, { threads, optimization: 'all', again });
  signal?.throwIfAborted();
  const times = new Map<string, { op: string; milliseconds: number[] }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith(SUFFIX)) continue;
    const kernel = name.slice(0, -SUFFIX.length);
    const known = times.get(kernel) ?? { op: args?.op_name ?? '', milliseconds: [] };
    known.milliseconds.push(dur / 1000);
    times.set(kernel, known);
  }
  return [...times].map(([name, { op, milliseconds }]): KernelTime => {
    const timed = milliseconds.slice(WARM_UP).toSorted((a, b) => a - b);
    const fast = timed.slice(0, Math.ceil(0.75 * timed.length));
    return { name, op, milliseconds: fast.reduce((a, b) => a + b, 0) / Math.max(1, fast.length) };
  });
};
