/** `verge-agent benchmark`: what a model takes on this very device. */
import { pino } from 'pino';
import { benchmarkModel, RuntimeError, type BenchmarkResult } from '@verge/runtime';
import { OnnxError, openSizes, type FedInput, type FeedOptions } from '@verge/onnx';
import { AgentError } from '../errors.js';
import { openModel } from '../serve/open.js';
import { Serving } from '../serving.js';
import { heldBackBetween, readMachineState, type MachineState } from './machine-state.js';

export interface BenchmarkOptions {
  path: string;
  /** Each is measured by itself, in a fresh process. */
  threads: readonly number[];
  runs: number;
  warmup: number;
  /** Open sizes by name. */
  dims: Readonly<Record<string, number>>;
  /** What is being done, for people. */
  progress: (line: string) => void;
  signal?: AbortSignal;
}

export type Row = Pick<
  BenchmarkResult,
  'threads' | 'runs' | 'p50Ms' | 'p95Ms' | 'p99Ms' | 'meanMs' | 'cpuMs' | 'peakRssBytes' | 'baselineRssBytes'
> & {
  /** Degrees Celsius before and after. */
  temperature: [number | null, number | null];
  /** What held the machine back meanwhile; null where it does not tell. */
  heldBack: string[] | null;
};

export interface Report {
  model: string;
  digest: string;
  bytes: number;
  machine: string;
  /** Start of a process, loading and two runs on made-up input, milliseconds. */
  readyMs: number;
  inputs: BenchmarkResult['inputs'];
  assumed: BenchmarkResult['assumed'];
  rows: Row[];
  /** After the last row. */
  after: MachineState;
}

/** @throws AgentError `FILE_MISSING`, `MODEL_REFUSED`, `GIVEN_UNFIT` for sizes at which the model does not run */
export async function benchmark(options: BenchmarkOptions): Promise<Report> {
  const { path, threads, runs, warmup, dims, progress, signal } = options;
  const serving = new Serving({ threads: threads[0] ?? 1, onCrash: () => undefined, log: pino({ enabled: false }) });
  progress(`loading ${path}`);
  const { file, loadMs } = await openModel(serving, path, { name: path, preprocess: null, labels: null });
  await serving.close(0);
  const rows: Row[] = [];
  let last: BenchmarkResult | undefined;
  for (const count of threads) {
    progress(`${runs} runs on ${count} ${count === 1 ? 'thread' : 'threads'}`);
    const before = await readMachineState();
    const feeds = (inputs: readonly FedInput[]): Promise<FeedOptions> => Promise.resolve(sizesFor(inputs, dims));
    const one = { model: path, threads: count, runs, warmup, feeds, ...(signal && { signal }) };
    last = await benchmarkModel(one).catch((error: unknown) => unfit(error));
    const after = await readMachineState();
    const { p50Ms, p95Ms, p99Ms, meanMs, cpuMs, peakRssBytes, baselineRssBytes } = last;
    rows.push({
      ...{ threads: count, runs: last.runs, p50Ms, p95Ms, p99Ms, meanMs, cpuMs, peakRssBytes, baselineRssBytes },
      temperature: [before.temperature, after.temperature],
      heldBack: heldBackBetween(before, after),
    });
  }
  const { machine, inputs, assumed } = last!;
  const { digest, bytes } = file;
  return {
    model: path,
    digest,
    bytes,
    machine,
    readyMs: loadMs,
    inputs,
    assumed,
    rows,
    after: await readMachineState(),
  };
}

/** @throws AgentError `GIVEN_UNFIT` naming every size that no input has */
function sizesFor(inputs: readonly FedInput[], dims: BenchmarkOptions['dims']): FeedOptions {
  const known = [...openSizes(inputs).keys()];
  const lost = Object.keys(dims).filter((name) => !known.includes(name));
  if (lost.length === 0) return { dims };
  const there = known.length > 0 ? `there are ${known.join(', ')}` : 'every size is fixed';
  throw new AgentError('GIVEN_UNFIT', `--dim: no input has a size called ${lost.join(', ')}; ${there}`);
}

/** Sizes that do not suit the model are for the caller to say. */
function unfit(error: unknown): never {
  const sizes = error instanceof OnnxError || (error instanceof RuntimeError && error.code === 'run-failed');
  if (!sizes) throw error;
  throw new AgentError('GIVEN_UNFIT', `the model does not run on made-up input; give its sizes with --dim: ${error.message}`, { cause: error }); // prettier-ignore
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const milliseconds = (ms: number): string => ms.toFixed(ms < 1 ? 4 : 2);
const degrees = (value: number | null): string => (value === null ? 'unknown' : `${value.toFixed(1)} °C`);

/** For people. */
export function linesOf({ model, bytes, machine, readyMs, inputs, assumed, rows, after }: Report): string[] {
  const sizes = Object.entries(assumed).map(([name, size]) => `${name} = ${size}`);
  const head = ['threads', 'runs', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU ms', 'peak memory', 'temperature', 'held back'];
  const table = rows.map((row) => [
    String(row.threads),
    String(row.runs),
    ...[row.p50Ms, row.p95Ms, row.p99Ms, row.cpuMs].map(milliseconds),
    mebibytes(row.peakRssBytes),
    row.temperature[1] === null ? 'unknown' : row.temperature.map(degrees).join(' to '),
    row.heldBack === null ? 'unknown' : row.heldBack.join(', ') || 'no',
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...table].map((line) => line[i]!.length)));
  const spaced = (line: readonly string[]): string => line.map((cell, i) => cell.padStart(widths[i]!)).join('  ');
  return [
    `${model}, ${mebibytes(bytes)}, on ${machine}`,
    `input ${inputs.map(({ name, dtype, shape }) => `${name} ${dtype} [${shape.join(', ')}]`).join('; ')}`,
    ...(sizes.length > 0 ? [`assumed ${sizes.join(', ')}`] : []),
    `ready after ${Math.round(readyMs)} ms; a process without a model takes ${mebibytes(rows[0]!.baselineRssBytes)}`,
    '',
    ...[head, ...table].map(spaced),
    ...(after.wasHeldBack?.length ? ['', `since the device was started: ${after.wasHeldBack.join(', ')}`] : []),
  ];
}
