/** Path parameters by name: what each may be, wherever it stands. */
import { z } from 'zod';
import { Digest, Id, Slug } from '../identifiers.js';
import type { Route } from './route.js';

const uuid = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';
const matching = (alternatives: string, expected: string) =>
  z
    .string()
    .max(254)
    .regex(new RegExp(`^(?:${uuid}|${alternatives})$`), `expected ${expected}`);

// An id in lower case has the form of a name too.
const nameOrId = Slug.describe('name or id');

export const pathParameters = {
  project: Slug.describe('slug or id of the project'),
  digest: Digest.describe('sha256 of the bytes'),
  dataset: nameOrId,
  model: nameOrId,
  version: matching('[a-z0-9][a-z0-9.-]{0,62}@[1-9][0-9]{0,8}', 'an id, or model@number such as digits@1').describe(
    'an id, or model@number',
  ),
  recipe: nameOrId,
  group: nameOrId,
  release: z.string().min(1).max(120).describe('name or id'),
  user: matching('[!-?A-~]+@[!-?A-~]+', 'an id or an e-mail address').describe('id or e-mail address'),
  training: Id,
  compression: Id,
  evaluation: Id,
  artifact: Id,
  device: Id,
  rollout: Id,
  token: Id,
  session: Id,
  record: Id,
  collection: Id,
  worker: Id,
} as const satisfies Record<string, z.ZodType>;

/** The names of a route's path parameters, in their order. */
export const parameterNames = ({ path }: Pick<Route, 'path'>): string[] =>
  [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!);

/** @throws Error for a parameter that the table lacks: a route was added without saying what its parameter may be */
export function pathParameter(name: string): z.ZodType {
  const found = Object.hasOwn(pathParameters, name) ? pathParameters[name as keyof typeof pathParameters] : undefined;
  if (!found) throw new Error(`the path parameter {${name}} has no schema in pathParameters`);
  return found;
}
