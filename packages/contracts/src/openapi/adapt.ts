/** What the contracts say and JSON Schema has another word for, or that zod does not print. */
import { z } from 'zod';
import { Instant } from '../identifiers.js';
import { isFreeText, textPattern } from '../text.js';
import type { Json } from './json.js';

/** 'input': what a caller may send, with fields that have a default left out at will; 'output': what the server answers. */
export type Io = 'input' | 'output';
/**
 * 'open': readers must let pass what they do not know, so that a field can be added. 'closed': nothing but what is
 * described, which is what the tests hold the answers to.
 */
export type Answers = 'open' | 'closed';

/** Those of the contracts that JSON Schema or the OpenAPI registry has. */
const formats = new Set<unknown>(['uuid', 'date-time', 'email']);
const LARGEST_INT32 = 2 ** 31 - 1;

/** Changes the printed schema in place, as zod's `override` asks. */
export function adapt(schema: z.core.$ZodType, json: Json, io: Io, answers: Answers): void {
  if (io === 'output' && answers === 'open' && json['additionalProperties'] === false)
    delete json['additionalProperties'];
  // The generated patterns of these say what the format says, and readers of other languages fail at them.
  if (json['format'] === 'uuid') delete json['pattern'];
  if (schema === Instant) {
    delete json['allOf'];
    Object.assign(json, { format: 'date-time', pattern: '^(?!0000)[0-9]{4}-[^.]*(\\.[0-9]{1,9})?Z$' });
  }
  // So many of one kind: readers that know no tuples read an array.
  const { prefixItems } = json as { prefixItems?: Json[] };
  if (prefixItems && new Set(prefixItems.map((item) => JSON.stringify(item))).size === 1) {
    delete json['prefixItems'];
    Object.assign(json, { items: prefixItems[0], minItems: prefixItems.length, maxItems: prefixItems.length });
  }
  // zod has formats of its own ('includes', 'base64'), which a pattern or contentEncoding says as well.
  if ('format' in json && !formats.has(json['format'])) delete json['format'];
  if (json['type'] === 'integer' && Number(json['maximum'] ?? Infinity) > LARGEST_INT32) json['format'] = 'int64';
  if (io === 'input' && schema instanceof z.ZodString && isBare(json))
    json['pattern'] = textPattern[isFreeText(schema) ? 'free' : 'line'];
}

/** A string of which nothing but its length is said: the server refuses what no text may hold (`textProblem`). */
const isBare = (json: Json): boolean =>
  json['type'] === 'string' &&
  ['pattern', 'format', 'enum', 'const', 'allOf', 'contentEncoding'].every((key) => !(key in json));
