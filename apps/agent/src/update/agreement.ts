/** Whose word a target needs: both repositories' for what is new here, the director's alone for what was verified here before. */
import { TrustError, verifyAgain, verifyBoth, type RepositoryClient } from '@verge/trust/verify';
import { sleep } from '../backoff.js';
import { AgentError, reasonOf } from '../errors.js';
import { maxManifestBytes, readSlot } from './artifact.js';
import type { AgentState, Target } from './state.js';
import type { StepContext } from './steps.js';

interface Repositories {
  release: RepositoryClient;
  director: RepositoryClient;
}

/**
 * Length in bytes of the target's manifest, as it was signed.
 * @throws TrustError, AgentError `METADATA_REFUSED`, `MANIFEST_INVALID`
 */
export async function agreedLength(
  context: StepContext,
  state: AgentState,
  target: Target,
  signal: AbortSignal,
): Promise<number> {
  const repositories = await context.repositories();
  const verify = (await heldHere(context, state, target))
    ? () => directedAgain(context, repositories, target)
    : () => agreedByBoth(context, repositories, target);
  const agreed = await verify().catch(async (error: unknown) => {
    if (!(error instanceof TrustError) || error.code !== 'target-not-directed') throw error;
    // The director may already name a newer wish, whose message is on its way and ends this wait.
    await sleep(1000, signal);
    signal.throwIfAborted();
    return verify();
  });
  if (`sha256:${agreed.sha256}` !== target.manifestDigest) {
    const detail = `the desired manifest is ${target.manifestDigest}, signed is sha256:${agreed.sha256}`;
    throw new AgentError('METADATA_REFUSED', detail);
  }
  if (agreed.length > maxManifestBytes) {
    const detail = `a manifest of ${agreed.length} bytes, at most ${maxManifestBytes} are read`;
    throw new AgentError('MANIFEST_INVALID', detail);
  }
  return agreed.length;
}

/** Uptane 5.4.4: both repositories are brought up to date and must agree about the manifest. */
async function agreedByBoth({ deviceId }: StepContext, { release, director }: Repositories, { path }: Target) {
  await release.refresh();
  await director.refresh();
  return verifyBoth({ release, director, deviceId, path });
}

/**
 * Going back must work when it matters most: long after the last release, when its timestamp has expired. The release
 * repository is still asked, because it may say that people took this version back.
 */
async function directedAgain(context: StepContext, { release, director }: Repositories, { path }: Target) {
  await release.refresh().catch((error: unknown) => {
    context.log.warn(
      { err: reasonOf(error) },
      'the release metadata cannot be renewed; going back needs the director alone',
    );
  });
  await director.refresh();
  return verifyAgain({ release, director, deviceId: context.deviceId, path });
}

/** A slot gets its digest only after both repositories agreed about it; its files are hashed again here. */
async function heldHere({ layout, deviceClass }: StepContext, state: AgentState, target: Target): Promise<boolean> {
  for (const slot of ['a', 'b'] as const) {
    if (state.slots[slot] !== target.manifestDigest) continue;
    const intact = await readSlot(layout.slot(slot), target.manifestDigest, deviceClass).catch(() => null);
    if (intact) return true;
  }
  return false;
}

/**
 * Refuses to go back by itself to what people have taken back, as far as this device has seen. Where that cannot be read
 * the device goes back: a damaged file must not take the last model away.
 * @throws AgentError `TARGET_WITHDRAWN`
 */
export async function refuseWithdrawn(context: StepContext, digest: string): Promise<void> {
  const withdrawals = await context
    .repositories()
    .then(({ release }) => release.withdrawals())
    .catch((error: unknown) => {
      context.log.warn({ err: reasonOf(error) }, 'it cannot be read which versions were withdrawn');
      return [];
    });
  const record = withdrawals.find(({ sha256 }) => `sha256:${sha256}` === digest);
  if (record) throw new AgentError('TARGET_WITHDRAWN', `${record.path} was withdrawn: ${record.reason}`);
}
