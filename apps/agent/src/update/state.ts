/** What the agent knows about its update, on disk before it acts on it. */
import { agentErrorCodes, Digest, Slug } from '@verge/contracts';
import { z } from 'zod';
import { loadDocument, saveDocument, type Generation } from '../generations.js';
import type { SlotName } from '../layout.js';

export const Target = z.strictObject({
  path: z.string().min(1),
  manifestDigest: Digest,
  model: Slug,
  version: z.int().min(1),
  rolloutId: z.string(),
});
export type Target = z.infer<typeof Target>;

const Slot = z.enum(['a', 'b']);

const Update = z.strictObject({
  state: z.enum([
    'idle',
    'checking',
    'downloading',
    'installing',
    'self-testing',
    'activating',
    'committed',
    'reverting',
    'failed',
  ]),
  /** The generation of the desired state that this update follows. */
  generation: z.int().min(0),
  target: Target.nullable(),
  /** What both repositories signed: length in bytes of the manifest. */
  manifestBytes: z.int().min(0).nullable(),
  /** Where it is installed. */
  slot: Slot.nullable(),
  /** Times the present step was begun: a step that ends the whole process is not begun for ever. */
  attempts: z.int().min(0),
  error: z.strictObject({ code: z.enum(agentErrorCodes), message: z.string() }).nullable(),
  /** Milliseconds since 1970 when the new model took the requests. */
  committedAt: z.int().nullable(),
  /** Crashes of the new model's process since then. */
  crashes: z.int().min(0),
});
export type Update = z.infer<typeof Update>;

export const AgentState = z.strictObject({
  version: z.literal(1),
  /** The last desired state heard of. */
  desired: z.strictObject({
    generation: z.int().min(0),
    target: Target.nullable(),
    reportIntervalSeconds: z.int().min(0),
    /** Without a target: nothing is to serve. Left out otherwise, so that an older agent can read the file. */
    nothing: z.literal(true).optional(),
  }),
  update: Update,
  /** The slot that serves. */
  active: Slot.nullable(),
  /** The slot that served before: what a revert goes back to. */
  previous: Slot.nullable(),
  /** Manifest digest of what is installed in each slot, complete and verified; null while it is being written. */
  slots: z.strictObject({ a: Digest.nullable(), b: Digest.nullable() }),
});
export type AgentState = z.infer<typeof AgentState>;

export const initialState: AgentState = {
  version: 1,
  desired: { generation: 0, target: null, reportIntervalSeconds: 0 },
  update: {
    state: 'idle',
    generation: 0,
    target: null,
    manifestBytes: null,
    slot: null,
    attempts: 0,
    error: null,
    committedAt: null,
    crashes: 0,
  },
  active: null,
  previous: null,
  slots: { a: null, b: null },
};

export function activeDigest(state: AgentState): string | null {
  return state.active === null ? null : state.slots[state.active];
}

/** The slot that an update writes. */
export function spareSlot(state: AgentState): SlotName {
  return state.active === 'a' ? 'b' : 'a';
}

/** The state, of the generation before when the newest is damaged. */
export function loadState(path: string): Promise<Generation<AgentState>> {
  return loadDocument(path, (content) => AgentState.parse(content));
}

export function saveState(path: string, state: AgentState): Promise<void> {
  return saveDocument(path, state);
}
