/** Two refusals: a tampered artifact, and a model that fails its gate. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact, Release, Version } from '@verge/contracts';
import { compressForAll, trainWide } from './engine-steps.js';
import { StepFailed, type Context } from './context.js';
import { deviceOf, rollOut, serving, signAndPublish } from './fleet-steps.js';

const modelDigest = (artifact: Artifact): string =>
  artifact.manifest.files.find((f) => f.role === 'model')?.digest ?? '';

/** Flips one byte of a stored blob, as somebody who got hold of the store could. Returns how to put it back. */
async function tamper(context: Context, digest: string): Promise<() => Promise<void>> {
  const hex = digest.slice('sha256:'.length);
  const file = join(context.home, 'data', 'blobs', 'sha256', hex.slice(0, 2), hex.slice(2));
  const bytes = await readFile(file);
  const at = Math.floor(bytes.length / 2);
  const original = bytes[at] ?? 0;
  const write = async (value: number): Promise<void> => {
    bytes[at] = value;
    await writeFile(file, bytes);
  };
  await write(original ^ 0xff);
  return () => write(original);
}

/** Every agent must refuse the tampered model and go on serving the old one. */
export async function refuseTampered(context: Context, plain: Version): Promise<string> {
  const artifacts = await compressForAll(context, plain, 'recipe-fp32.json');
  const release: Release = await signAndPublish(context, 'tampered', artifacts);
  const before = await serving(context);
  const undo: (() => Promise<void>)[] = [];
  for (const digest of new Set(artifacts.map(modelDigest))) undo.push(await tamper(context, digest));
  try {
    const rollout = await rollOut(context, 'tampered', { release, observeSeconds: 2, minRequests: 0 });
    const after = await serving(context);
    const errors = await Promise.all(context.agents.map(async (a) => (await deviceOf(context, a)).error?.code ?? ''));
    const refused = rollout.state === 'reverted' && errors.includes('DIGEST_MISMATCH');
    record(context, 'tampered artifact', refused, before, after);
    if (!refused)
      throw new StepFailed(
        `the rollout ended as ${rollout.state} (${rollout.reason}), agents said: ${errors.join(', ') || 'nothing'}`,
      );
    return `canary said DIGEST_MISMATCH; ${rollout.reason}`;
  } finally {
    for (const restore of undo) await restore();
  }
}

/** A wide network is genuine, signed and right often enough, but too slow for these devices: the canary alone gets it. */
export async function refuseSlow(context: Context): Promise<string> {
  const wide = await trainWide(context);
  const artifacts = await compressForAll(context, wide, 'recipe-fp32.json');
  const release = await signAndPublish(context, 'too-slow', artifacts);
  const before = await serving(context);
  const rollout = await rollOut(context, 'too-slow', {
    release,
    // Long enough that what else the machine does has little say.
    observeSeconds: 6,
    minRequests: 60,
    // Most of what is measured is the way to the model and back, the more so on a busy machine: the network's own share counts
    // for little.
    maxLatencyRatio: 1.1,
  });
  const after = await serving(context);
  const counts = Object.entries(rollout.counts).filter(([, n]) => n > 0);
  const refused = rollout.state === 'reverted' && rollout.counts.reverted === 1;
  record(context, 'slow model at the gate', refused, before, after);
  if (!refused) {
    const devices = counts.map(([state, n]) => `${n} ${state}`).join(', ');
    throw new StepFailed(
      `expected the canary alone to be taken back; the rollout ended as ${rollout.state} (${devices}): ${rollout.reason}`,
    );
  }
  return rollout.reason;
}

function record(
  context: Context,
  name: string,
  refused: boolean,
  before: readonly string[],
  after: readonly string[],
): void {
  const servingBefore = before.join(' ');
  const servingAfter = after.join(' ');
  context.report.refusals.push({ name, refused, servingBefore, servingAfter });
  if (refused && servingBefore !== servingAfter)
    throw new StepFailed(`agents served ${servingBefore} before and ${servingAfter} after`);
}
