/**
 * Marks in the slots: which artifact has served well (`.served.json`, gone with the slot's content). From them, and from
 * what the manifests say of their files, the agent finds its models again when its state is lost.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Digest } from '@verge/contracts';
import { z } from 'zod';
import { isWhole, loadDocument, saveDocument } from '../generations.js';
import type { Layout, SlotName } from '../layout.js';
import { digestOf, manifestName, readSlot, type Artifact } from './artifact.js';
import { initialState, type AgentState } from './state.js';

// The manifest's files cannot have this name: theirs begin with a letter or a digit.
const Mark = z.strictObject({
  version: z.literal(1),
  digest: Digest,
  /** Of two marks the higher one served later; no clock is needed. */
  order: z.int().min(1),
});
type Mark = z.infer<typeof Mark>;

const markPath = (folder: string): string => join(folder, '.served.json');

async function readMark(folder: string): Promise<Mark | null> {
  return (await loadDocument(markPath(folder), (content) => Mark.parse(content))).value;
}

const other = (slot: SlotName): SlotName => (slot === 'a' ? 'b' : 'a');

/** Notes that a slot's artifact has served well, later than the other slot's. */
export async function markServed(layout: Layout, slot: SlotName, digest: string): Promise<void> {
  const [own, rest] = await Promise.all([readMark(layout.slot(slot)), readMark(layout.slot(other(slot)))]);
  const before = rest?.order ?? 0;
  const path = markPath(layout.slot(slot));
  if (own?.digest === digest && own.order > before && (await isWhole(path))) return;
  const mark: Mark = { version: 1, digest, order: Math.max(before, own?.order ?? 0) + 1 };
  await saveDocument(path, mark);
}

/** What a revert leaves behind is not to be found again. */
export async function unmark(folder: string): Promise<void> {
  for (const path of [markPath(folder), `${markPath(folder)}.previous`, join(folder, manifestName)]) {
    await rm(path, { recursive: true, force: true });
  }
}

interface Found {
  slot: SlotName;
  artifact: Artifact;
  order: number;
}

/**
 * The state, made anew from what the slots hold: every file verified against its manifest, the one that served last first.
 * An artifact without a mark has perhaps never served: it counts only where no other is, and after its own self-tests.
 */
export async function rebuildState(
  layout: Layout,
  deviceClass: string | null,
  selfTest: (artifact: Artifact) => Promise<unknown>,
): Promise<AgentState> {
  const found: Found[] = [];
  for (const slot of ['a', 'b'] as const) {
    const artifact = await verifiedSlot(layout.slot(slot), deviceClass);
    if (!artifact) continue;
    const mark = await readMark(layout.slot(slot));
    found.push({ slot, artifact, order: mark?.digest === artifact.digest ? mark.order : 0 });
  }
  let good = found.filter(({ order }) => order > 0).sort((x, y) => y.order - x.order);
  if (good.length === 0) {
    for (const one of found.sort((x, y) => y.artifact.manifest.version - x.artifact.manifest.version)) {
      if (
        await selfTest(one.artifact).then(
          () => true,
          () => false,
        )
      )
        good = [...good, one];
    }
  }
  const slots: AgentState['slots'] = { a: null, b: null };
  for (const { slot, artifact } of good) slots[slot] = artifact.digest;
  return { ...initialState, active: good[0]?.slot ?? null, previous: good[1]?.slot ?? null, slots };
}

/** A slot that is as its own manifest says; null for one that is empty, being written or damaged. */
async function verifiedSlot(folder: string, deviceClass: string | null): Promise<Artifact | null> {
  try {
    return await readSlot(folder, digestOf(await readFile(join(folder, manifestName))), deviceClass);
  } catch {
    return null;
  }
}

/** Whether a slot holds what may serve, for a device that does not know itself any more. */
export async function holdsModel(layout: Layout): Promise<boolean> {
  const found = await Promise.all([layout.slot('a'), layout.slot('b')].map((folder) => verifiedSlot(folder, null)));
  return found.some((artifact) => artifact !== null);
}
