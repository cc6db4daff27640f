/**
 * The inference child: holds one model, answers on file descriptor 3, ends when its parent does. It is started by
 * `ChildConnection` and imports nothing of other packages at run time.
 */
import { Socket } from 'node:net';
import type { SessionOptions, Tensor } from '@verge/onnx';
import { RuntimeError, messageOf } from '../errors.js';
import { syntheticFeeds } from '../feeds-for.js';
import { loadOrt } from '../ort.js';
import { openExactly, type OrtSession } from '../loaded-session.js';
import { MessageReader, sendMessage, type Message } from './frames.js';
import { peakRss } from './memory.js';
import { packTensors, unpackTensors, type TensorHead } from './tensors.js';

interface LoadHeader {
  options: Pick<SessionOptions, 'threads' | 'optimization' | 'externalFolder'>;
  external: string[];
  /** The model's file; absent where its bytes come with the message. */
  path?: string;
  warmup: number;
}

let session: OrtSession | undefined;
let runs = 0;
const socket = new Socket({ fd: 3, readable: true, writable: true });

function loaded(): OrtSession {
  if (!session) throw new RuntimeError('closed', 'no model is loaded');
  return session;
}

async function warmUp(target: OrtSession, count: number): Promise<string | null> {
  try {
    const feeds = syntheticFeeds(target.inputs);
    for (let i = 0; i < count; i++) await target.run(feeds);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

async function load(
  { options, external, warmup, path }: LoadHeader,
  blobs: Uint8Array[],
): Promise<Record<string, unknown>> {
  await loadOrt();
  const baselineRssBytes = process.memoryUsage.rss();
  const apart = path === undefined ? blobs.slice(1) : blobs;
  const externalData = new Map(external.map((name, i) => [name, apart[i] as Uint8Array]));
  session = await openExactly(path ?? (blobs[0] as Uint8Array), {
    ...options,
    ...(external.length > 0 && { externalData }),
  });
  const warmUpProblem = await warmUp(session, warmup);
  return { inputs: session.inputs, outputs: session.outputs, baselineRssBytes, warmUpProblem };
}

async function benchmark(
  feeds: Record<string, Tensor>,
  count: number,
  warmup: number,
  minMs: number,
): Promise<Record<string, unknown>> {
  const target = loaded();
  for (let i = 0; i < warmup; i++) await target.run(feeds);
  const times: number[] = [];
  let spent = 0;
  const before = process.cpuUsage();
  while (times.length < count || spent < minMs) {
    const from = process.hrtime.bigint();
    await target.run(feeds);
    const took = Number(process.hrtime.bigint() - from) / 1e6;
    times.push(took);
    spent += took;
  }
  // Of all threads, those of ONNX Runtime too.
  const { user, system } = process.cpuUsage(before);
  return { times, cpuMs: (user + system) / 1000 };
}

async function answer({ header, blobs }: Message): Promise<{ header: Record<string, unknown>; blobs: Uint8Array[] }> {
  switch (header.kind) {
    case 'load':
      return { header: await load(header as unknown as LoadHeader, blobs), blobs: [] };
    case 'run': {
      const from = process.hrtime.bigint();
      const outputs = await loaded().run(
        unpackTensors(header.feeds as TensorHead[], blobs),
        header.outputs as string[] | undefined,
      );
      runs++;
      const packed = packTensors(outputs);
      return {
        header: { runMs: Number(process.hrtime.bigint() - from) / 1e6, tensors: packed.heads },
        blobs: packed.blobs,
      };
    }
    case 'benchmark':
      return {
        header: await benchmark(
          unpackTensors(header.feeds as TensorHead[], blobs),
          header.runs as number,
          header.warmup as number,
          header.minMs as number,
        ),
        blobs: [],
      };
    case 'stats':
      return { header: { rssBytes: process.memoryUsage.rss(), peakRssBytes: peakRss(), runs }, blobs: [] };
    default:
      throw new RuntimeError('bad-setting', `unknown message '${String(header.kind)}'`);
  }
}

async function handle(message: Message): Promise<void> {
  const { id } = message.header;
  try {
    const { header, blobs } = await answer(message);
    sendMessage(socket, { ...header, id, ok: true }, blobs);
  } catch (error) {
    const code = error instanceof RuntimeError ? error.code : 'run-failed';
    const problems = error instanceof RuntimeError ? error.problems : [];
    sendMessage(socket, { id, ok: false, code, message: messageOf(error), problems }, []);
  }
}

// The parent decides when this process ends: a Ctrl-C in the terminal, and the end of a service, reach both, and the
// parent drains first.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
const reader = new MessageReader();
let last = Promise.resolve();
socket.on('data', (chunk: Buffer) => {
  // One at a time and in order: ONNX Runtime would run them one after the other on this thread anyway.
  for (const message of reader.push(chunk)) last = last.then(() => handle(message));
});
socket.on('end', () => process.exit(0));
socket.on('error', () => process.exit(0));
