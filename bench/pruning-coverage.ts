/** How much of a network pruning reaches: the MACs left when half of all channels go, beside Torch-Pruning. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dependencies, scoreFilters, selectChannels, verified, type Space } from '@verge/compression';
import { decodeModel, float32, int64, normalise, summarize, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { python, peerVersions } from './_python.js';
import type { Row } from './_row.js';

/** The counts differ a little: the peer's has normalisations and activations in it. */
const BAR = 0.98;

type Peer = { readonly before: number; readonly after: number } | { readonly error: string };

/** Random numbers in [-1, 1), the same in every run, for two samples. */
function feedsOf({ graph }: Model): Record<string, Tensor> {
  let state = 7;
  const next = (): number => ((state = (state * 16807) % 2147483647) / 2147483647) * 2 - 1;
  return Object.fromEntries(
    graph.inputs.flatMap(({ name, type }): [string, Tensor][] => {
      if (graph.initializers.has(name) || type?.kind !== 'tensor' || !type.shape) return [];
      const dims = type.shape.map((d) => (typeof d === 'number' ? d : 2));
      const numbers = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, next);
      const whole = type.dtype === 'int64';
      return [
        [
          name,
          whole
            ? int64(
                dims,
                numbers.map((v) => Math.floor(8 + 8 * v)),
              )
            : float32(dims, numbers),
        ],
      ];
    }),
  );
}

function macsOf(model: Model): number {
  const open = model.graph.inputs.flatMap(({ type }) => (type?.kind === 'tensor' ? (type.shape ?? []) : []));
  const dims = Object.fromEntries(open.filter((d) => typeof d === 'string').map((d) => [d, 1]));
  return summarize(model, dims).macs ?? Number.NaN;
}

interface Halved {
  readonly macs: number;
  readonly difference: number;
  readonly refused: string[];
}

/** Half of the classes of every space go, those of the smallest weights. */
async function halved(model: Model, multiple: number): Promise<Halved> {
  const followed = await dependencies(model, createSession, multiple);
  const name = (space: Space): string => space.producers.map((p) => p.node).join(' + ');
  const free = followed.spaces.filter((s) => !s.frozen && s.classes.length > s.step(multiple));
  const options = { importance: 'magnitude', norm: 2, batches: 1, batchSize: 1, createSession } as const;
  const scores = await scoreFilters(followed.model, free, null, options);
  const steps = free.map((s) => s.step(multiple));
  const keep = selectChannels(scores, { ratio: 0.5, scope: 'layer', steps });
  const result = await verified(followed, free, keep, { feeds: feedsOf(model), createSession });
  const refused = [
    ...followed.spaces.flatMap((s) => (s.frozen ? [`${name(s)}: ${s.frozen}`] : [])),
    ...result.failed.map(({ space, reason }) => `${name(space)}: ${reason}`),
  ];
  return { macs: macsOf(result.model), difference: result.difference, refused };
}

export async function run(): Promise<Row[]> {
  const versions = peerVersions(['torch', 'torchvision', 'torch_pruning', 'onnx']);
  if (!versions) return [];
  const given = process.env['VERGE_BENCH_FOLDER'];
  const folder = given ?? mkdtempSync(join(tmpdir(), 'verge-pruning-'));
  const only = process.env['VERGE_BENCH_ONLY']?.split(',') ?? [];
  try {
    const script = join(dirname(fileURLToPath(import.meta.url)), '..', 'pruning-peer.py');
    if (!existsSync(join(folder, 'peer.json')))
      execFileSync(python, ['-W', 'ignore', script, folder, ...only], { stdio: ['ignore', 'inherit', 'inherit'] });
    const peers = JSON.parse(readFileSync(join(folder, 'peer.json'), 'utf8')) as Record<string, Peer>;
    const rows: Row[] = [];
    for (const [network, peer] of Object.entries(peers))
      rows.push(...(await rowsOf(folder, network, peer, versions['torch_pruning']!)));
    return rows;
  } finally {
    if (!given) rmSync(folder, { recursive: true });
  }
}

async function rowsOf(folder: string, network: string, peer: Peer, version: string): Promise<Row[]> {
  const { model } = normalise(decodeModel(readFileSync(join(folder, `${network}.onnx`))));
  const before = macsOf(model);
  const { macs, difference, refused } = await halved(model, 1);
  const blocks = await halved(model, 8);
  console.log(
    `  ${network}: differs by ${difference.toExponential(1)}; in blocks of 8 ${(before / blocks.macs).toFixed(2)}x`,
  );
  for (const reason of refused) console.log(`    left whole: ${reason}`);
  const ours = before / macs;
  if ('error' in peer) console.log(`    Torch-Pruning stops: ${peer.error}`);
  const theirs = 'error' in peer ? 1 : peer.before / peer.after;
  const ratio = ours / theirs;
  const work = `${network}: fewer MACs when half of the channels go`;
  return [
    { work, unit: 'x', ours, peer: theirs, peerName: `Torch-Pruning ${version}`, ratio, bar: BAR, ok: ratio >= BAR },
  ];
}
