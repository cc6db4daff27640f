/** Training steps against PyTorch, CPU time and peak memory, one thread, batch 64; the same networks on both sides. */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Network, networks } from './_networks.js';
import { peerVersions, python } from './_python.js';
import type { Row } from './_row.js';

const BATCH = 64;
const ROUNDS = 7;
/** CPU seconds of one round. */
const ROUND_SECONDS = 1;
const WARM_UP = 10;
/** Networks whose every hot operator has a fast formulation must reach the peer; the others must come near. */
const FULL_BAR = /^(MLP|CNN|ResNet|LeNet)/;

interface Timing {
  readonly cpu: number;
  readonly wall: number;
  readonly loss: number;
}

/** One side: a process that answers each line with a line. */
class Side {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async ask<T>(command: object): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the process ended without an answer');
    return JSON.parse(value) as T;
  }

  close(): void {
    this.#child.stdin!.end();
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Rounds in turn, so that a busy machine slows both; the ratio is the median of the rounds' ratios. */
async function measure(network: Network, here: string, peer: string): Promise<Row[]> {
  const ours = new Side(process.execPath, [join(here, 'dist', '_training-child.js')]);
  const theirs = new Side(python, [join(here, 'training-peer.py')]);
  const sides = [ours, theirs];
  const [mine, other] = await Promise.all(
    sides.map((side) => side.ask<{ parameters: number }>({ network, batch: BATCH, threads: 1 })),
  );
  if (mine!.parameters !== other!.parameters)
    throw new Error(`${network.name}: ${mine!.parameters} parameters here, ${other!.parameters} there`);
  const counts: number[] = [];
  for (const side of sides) {
    await side.ask({ steps: WARM_UP });
    const { cpu } = await side.ask<Timing>({ steps: WARM_UP });
    counts.push(Math.max(1, Math.round((ROUND_SECONDS * WARM_UP) / cpu)));
  }
  const perStep: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, side] of sides.entries()) {
      const { cpu, loss } = await side.ask<Timing>({ steps: counts[i]! });
      if (!Number.isFinite(loss)) throw new Error(`${network.name}: the loss is ${loss}`);
      perStep[i]!.push((1000 * cpu) / counts[i]!);
    }
  }
  const [ourPeak, theirPeak] = await Promise.all(sides.map((side) => side.ask<{ peak: number }>({})));
  sides.forEach((side) => side.close());
  const ratio = median(perStep[1].map((t, i) => t / perStep[0][i]!));
  const bar = FULL_BAR.test(network.name) ? 1 : 0.8;
  const [mb, peerMb] = [ourPeak!.peak / 2 ** 20, theirPeak!.peak / 2 ** 20];
  return [
    {
      work: `step of ${network.name}`,
      unit: 'CPU ms',
      ours: median(perStep[0]),
      peer: median(perStep[1]),
      peerName: peer,
      ratio,
      bar,
      ok: ratio >= bar,
    },
    {
      work: `peak memory of ${network.name}`,
      unit: 'MiB',
      ours: mb,
      peer: peerMb,
      peerName: peer,
      ratio: peerMb / mb,
      bar: 1,
      ok: mb <= peerMb,
    },
  ];
}

export async function run(): Promise<Row[]> {
  const versions = peerVersions(['torch']);
  if (!versions) return [];
  // The runner puts the compiled benchmark one folder below bench/.
  const here = join(dirname(fileURLToPath(import.meta.url)), '..');
  const only = process.env['VERGE_BENCH_ONLY'];
  const rows: Row[] = [];
  for (const network of networks) {
    if (only && !network.name.includes(only)) continue;
    rows.push(...(await measure(network, here, `PyTorch ${versions['torch']}`)));
  }
  return rows;
}
