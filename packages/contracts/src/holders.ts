/** What is in the way of a deletion: everything that still refers to the thing, by kind. */
import { z } from 'zod';

/** `target`: a line of the signed targets metadata, named by its path. */
export const holderKinds = [
  'dataset',
  'training',
  'model',
  'version',
  'recipe',
  'compression',
  'evaluation',
  'artifact',
  'release',
  'target',
  'rollout',
  'group',
  'device',
  'enrollment-token',
] as const;
export const HolderKind = z.enum(holderKinds).meta({ id: 'HolderKind' });
export type HolderKind = z.infer<typeof HolderKind>;

export const Holders = z
  .object({
    kind: HolderKind,
    why: z.string().describe('what they do with the thing: training on it, built from it'),
    total: z.int().describe('how many there are'),
    items: z.array(z.object({ id: z.string(), name: z.string() })).describe('the first of them, oldest first'),
    more: z.int().describe('those of the total that the list leaves out'),
  })
  .meta({ id: 'Holders' });
export type Holders = z.infer<typeof Holders>;
