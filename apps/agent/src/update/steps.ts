/** The steps of an update. Each can be begun again at any time: it looks at what is there and does what is missing. */
import type { AgentErrorCode, ArtifactManifest, UpdateEvent, UpdateState } from '@verge/contracts';
import { mostBases } from '@verge/contracts/grpc';
import { InferenceProcess } from '@verge/runtime';
import type { RepositoryClient } from '@verge/trust/verify';
import { readFile } from 'node:fs/promises';
import { AgentError, reasonOf } from '../errors.js';
import type { Health } from '../health.js';
import type { Layout, SlotName } from '../layout.js';
import type { Log } from '../log/logger.js';
import type { Serving } from '../serving.js';
import { agreedLength, refuseWithdrawn } from './agreement.js';
import {
  contentsOf,
  parseManifest,
  readModel,
  readSelfTests,
  readSlot,
  slotBases,
  slotContents,
  writeSlot,
  type Artifact,
} from './artifact.js';
import type { Base } from './packed-part.js';
import type { Patch } from './saved-state.js';
import { unmark } from './served.js';
import { runSelfTest } from './self-test.js';
import { spareSlot, type AgentState, type Target } from './state.js';
import type { Store } from './store.js';
import type { FetchFrom } from './transfer.js';

export interface StepContext {
  layout: Layout;
  store: Store;
  serving: Serving;
  deviceId: string;
  /** Null when the identity is damaged: what is installed serves, and no update can come. */
  deviceClass: string | null;
  threads: number;
  repositories: () => Promise<{ release: RepositoryClient; director: RepositoryClient }>;
  fetchBlob: (signal: AbortSignal) => FetchFrom;
  /** Bytes of the target's files that are here; the updater keeps and reports it. */
  progress: { bytes: number; total: number };
  health: Health;
  log: Log;
  now: () => number;
}

export interface Step {
  /** The event that its success is. */
  done: UpdateEvent;
  /** The code of a failure that has none of its own. */
  code: AgentErrorCode;
  /** @returns what it changes in the state, beside the lifecycle */
  act: (context: StepContext, state: AgentState, signal: AbortSignal) => Promise<Patch>;
}

export type StepState = Exclude<UpdateState, 'idle' | 'committed' | 'failed'>;

const unchanged: Patch = (state) => state;

function targetOf(state: AgentState): Target {
  if (state.update.target) return state.update.target;
  throw new AgentError('INTERNAL', `an update that is ${state.update.state} has no target`);
}

export const steps: Readonly<Record<StepState, Step>> = {
  checking: { done: 'verified', code: 'METADATA_REFUSED', act: check },
  downloading: { done: 'downloaded', code: 'DOWNLOAD_FAILED', act: download },
  installing: { done: 'installed', code: 'INTERNAL', act: install },
  'self-testing': { done: 'self-test-passed', code: 'SELF_TEST_FAILED', act: selfTest },
  activating: { done: 'activated', code: 'ACTIVATION_FAILED', act: activate },
  reverting: { done: 'reverted', code: 'ACTIVATION_FAILED', act: revert },
};

async function check(context: StepContext, state: AgentState, signal: AbortSignal): Promise<Patch> {
  const manifestBytes = await agreedLength(context, state, targetOf(state), signal);
  return (s) => ({ ...s, update: { ...s.update, manifestBytes } });
}

async function download(context: StepContext, state: AgentState, signal: AbortSignal): Promise<Patch> {
  const { store, layout, deviceClass, progress } = context;
  const target = targetOf(state);
  const fetch = context.fetchBlob(signal);
  const wanted = { digest: target.manifestDigest, bytes: state.update.manifestBytes ?? 0 };
  if (!(await store.has(wanted))) await store.fetch(wanted, fetch, () => undefined);
  const manifest = parseManifest(await readFile(store.path(wanted.digest)), deviceClass, target);
  const keep = contentsOf(wanted.digest, manifest);
  for (const slot of ['a', 'b'] as const) {
    for (const digest of await slotContents(layout.slot(slot), state.slots[slot], deviceClass)) keep.add(digest);
  }
  await store.retain(keep);
  const missing = [];
  for (const file of manifest.files) if (!(await store.has(file))) missing.push(file);
  await store.checkSpace(missing);
  const total = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  let before = total - missing.reduce((sum, file) => sum + file.bytes, 0);
  Object.assign(progress, { bytes: before, total });
  const bases = await basesOf(context, state);
  for (const file of missing) {
    await store.fetch(file, fetch, (bytes) => (progress.bytes = before + bytes), { bases, signal });
    before += file.bytes;
  }
  return unchanged;
}

/** Models that are here whole, what serves first. */
async function basesOf({ layout, deviceClass }: StepContext, { active, slots }: AgentState): Promise<Base[]> {
  const bases: Base[] = [];
  for (const slot of active === 'b' ? (['b', 'a'] as const) : (['a', 'b'] as const)) {
    bases.push(...(await slotBases(layout.slot(slot), slots[slot], deviceClass)));
  }
  return bases.slice(0, mostBases);
}

/** A slot that holds the target already (a revert to the model before) is verified and kept. */
async function install(context: StepContext, state: AgentState): Promise<Patch> {
  const { layout, store, deviceClass } = context;
  const target = targetOf(state);
  const slot = spareSlot(state);
  const folder = layout.slot(slot);
  const intact = await readSlot(folder, target.manifestDigest, deviceClass).catch(() => null);
  if (!intact) {
    const bytes = await readFile(store.path(target.manifestDigest));
    const manifest: ArtifactManifest = parseManifest(bytes, deviceClass, target);
    await writeSlot({ folder, store, digest: target.manifestDigest, manifestBytes: bytes, manifest });
  }
  return (s) => ({
    ...s,
    slots: { ...s.slots, [slot]: target.manifestDigest },
    update: { ...s.update, slot },
  });
}

async function selfTest(context: StepContext, state: AgentState, signal: AbortSignal): Promise<Patch> {
  const { layout, deviceClass, threads, log } = context;
  const artifact = await readSlot(layout.slot(slotOf(state)), targetOf(state).manifestDigest, deviceClass);
  const cases = await testArtifact(artifact, threads, signal);
  log.info({ digest: artifact.digest, cases }, 'self-test passed');
  return unchanged;
}

/**
 * Runs the signed self-tests in a process of its own, beside the one that serves.
 * @returns how many cases there were
 * @throws AgentError `SELF_TEST_FAILED`, RuntimeError
 */
export async function testArtifact(artifact: Artifact, threads: number, signal?: AbortSignal): Promise<number> {
  const tests = await readSelfTests(artifact);
  const process = await InferenceProcess.start(await readModel(artifact), artifact.digest, {
    threads,
    maxRestartsPerMinute: 0,
  });
  try {
    const problem = interfaceProblem(process, artifact.manifest);
    if (problem) throw new AgentError('SELF_TEST_FAILED', problem);
    for (const test of tests) {
      await runSelfTest(test, async (feeds) => {
        signal?.throwIfAborted();
        return (await process.run(feeds)).outputs;
      });
    }
    return tests.reduce((sum, test) => sum + test.cases.length, 0);
  } finally {
    await process.close(0);
  }
}

/** The manifest must speak of the model that it comes with. */
function interfaceProblem(process: InferenceProcess, manifest: ArtifactManifest): string | null {
  const names = (ports: readonly { name: string }[]): string =>
    ports
      .map((port) => port.name)
      .sort()
      .join(', ');
  for (const side of ['inputs', 'outputs'] as const) {
    const [declared, actual] = [names(manifest[side]), names(process[side])];
    if (declared !== actual) return `the manifest declares the ${side} ${declared}, the model has ${actual}`;
  }
  return null;
}

function slotOf(state: AgentState): SlotName {
  if (state.update.slot) return state.update.slot;
  throw new AgentError('INTERNAL', `an update that is ${state.update.state} has no slot`);
}

async function activate(context: StepContext, state: AgentState): Promise<Patch> {
  const slot = slotOf(state);
  const { layout, serving, deviceClass, now } = context;
  await serving.activate(await readSlot(layout.slot(slot), targetOf(state).manifestDigest, deviceClass));
  return (s) => ({
    ...s,
    active: slot,
    previous: s.active === slot ? s.previous : s.active,
    update: { ...s.update, committedAt: now() },
  });
}

/** Back to the model that served before; without one, nothing serves. */
async function revert(context: StepContext, state: AgentState): Promise<Patch> {
  const { layout, serving, deviceClass, log } = context;
  const bad = slotOf(state);
  let back = state.active === bad ? state.previous : state.active;
  const digest = back === null ? null : state.slots[back];
  try {
    if (back === null || digest === null) throw new AgentError('NOT_READY', 'there is no model to go back to');
    await refuseWithdrawn(context, digest);
    if (serving.current?.digest !== digest) {
      await serving.activate(await readSlot(layout.slot(back), digest, deviceClass));
    }
  } catch (error) {
    log.error({ err: reasonOf(error) }, 'no model to go back to can serve');
    await serving.deactivate();
    back = null;
  }
  // Only a convenience of the next start: the state says that the slot is empty.
  await unmark(layout.slot(bad)).catch((error: unknown) => log.warn({ err: reasonOf(error) }, 'a slot keeps its mark'));
  return (s) => ({ ...s, active: back, previous: null, slots: { ...s.slots, [bad]: null } });
}
