/** Training steps against PyTorch, CPU time and peak memory, one thread; the same networks on both sides, built here or exported by it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Exported, exportedNetworks, exportNetwork } from './_exported.js';
import { type Network, networks } from './_networks.js';
import { peerVersions, python } from './_python.js';
import type { Row } from './_row.js';
import type { PeerInput } from './_training-child.js';

const BATCH = 64;
const ROUNDS = 7;
/** CPU seconds of one round. */
const ROUND_SECONDS = 1;
const WARM_UP = 10;
/** CPU seconds after which warming up ends early. */
const WARM_UP_SECONDS = 3;
/** Random networks of many layers diverge faster than they learn random labels; the time of a step does not depend on it. */
const EXPORTED_RATE = 1e-4;
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

/** What the peer tells of the network that it built. */
interface PeerNetwork {
  readonly parameters: number;
  readonly input?: PeerInput;
  readonly output?: readonly number[];
}

/** Both sides with the network ready; the exported ones as the file that the peer's exporter writes. */
async function prepare(network: Network | Exported, sides: readonly [Side, Side], here: string): Promise<void> {
  const [ours, theirs] = sides;
  let parameters: [number, number];
  if ('exported' in network) {
    const common = { batch: network.batch, threads: 1, learningRate: EXPORTED_RATE };
    const file = exportNetwork(network, here);
    const other = await theirs.ask<PeerNetwork>({ exported: network.exported, ...common });
    const { input, output } = other;
    const mine = await ours.ask<PeerNetwork>({ file, input, output, ...common });
    parameters = [mine.parameters, other.parameters];
  } else {
    const answers = sides.map((side) => side.ask<PeerNetwork>({ network, batch: BATCH, threads: 1 }));
    const [mine, other] = await Promise.all(answers);
    parameters = [mine!.parameters, other!.parameters];
  }
  if (parameters[0] !== parameters[1])
    throw new Error(`${network.name}: ${parameters[0]} parameters here, ${parameters[1]} there`);
}

/** Rounds in turn, so that a busy machine slows both; the ratio is the median of the rounds' ratios. */
async function measure(network: Network | Exported, here: string, peer: string): Promise<Row[]> {
  const ours = new Side(process.execPath, [join(here, 'dist', '_training-child.js')]);
  const theirs = new Side(python, [join(here, 'training-peer.py')]);
  const sides = [ours, theirs] as const;
  await prepare(network, sides, here);
  const counts: number[] = [];
  for (const side of sides) {
    const first = await side.ask<Timing>({ steps: 1 });
    const steps = Math.max(1, Math.min(WARM_UP, Math.round(WARM_UP_SECONDS / first.cpu)));
    await side.ask({ steps });
    const { cpu } = await side.ask<Timing>({ steps });
    counts.push(Math.max(1, Math.round((ROUND_SECONDS * steps) / cpu)));
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
  const bar = 'exported' in network || FULL_BAR.test(network.name) ? 1 : 0.8;
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
  const exporters = peerVersions(['torchvision', 'timm', 'transformers', 'onnx']);
  // The runner puts the compiled benchmark one folder below bench/.
  const here = join(dirname(fileURLToPath(import.meta.url)), '..');
  const only = process.env['VERGE_BENCH_ONLY']?.split(',');
  const rows: Row[] = [];
  for (const network of [...networks, ...(exporters ? exportedNetworks : [])]) {
    if (only && !only.some((part) => network.name.includes(part))) continue;
    console.log(`  ${network.name}`);
    rows.push(...(await measure(network, here, `PyTorch ${versions['torch']}`)));
  }
  return rows;
}
