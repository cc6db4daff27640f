/** Values made from a schema: one for each branch that its unions have, with every optional field filled. */
import { z } from 'zod';

type Path = readonly (string | number)[];

/** Strings that the patterns of the contract accept; a pattern that none of them fits is named by `examplesOf`. */
const strings = [
  'digits',
  '0193d0f0-0000-7000-8000-000000000001',
  `sha256:${'0'.repeat(64)}`,
  '2026-01-31T12:00:00Z',
  'somebody@example.org',
  'correct horse battery',
  'timestamp.json',
  'aGVsbG8=',
  'digits@1',
  'localhost:7444',
  ';',
  'BEGIN CERTIFICATE and more than twenty characters',
];
const numbers = [1, 0.5, 0, 2, 16, 60, 100, 256, 1000, 16_000];

const firstAccepted = (schema: z.ZodType, candidates: readonly unknown[]): unknown[] => {
  const fit = candidates.find((candidate) => schema.safeParse(candidate).success);
  if (fit === undefined) throw new Error(`no example fits ${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }))}`);
  return [fit];
};

/** One example for each option of a union; of an object as many as its richest field has. */
export function examplesOf(schema: z.ZodType): unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return examplesOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => examplesOf(option as z.ZodType));
  if (schema instanceof z.ZodObject) return objectsOf(schema);
  if (schema instanceof z.ZodArray)
    return examplesOf(schema.element as z.ZodType).map((item) => shortest(schema, item));
  if (schema instanceof z.ZodTuple)
    return [schema.def.items.map((item) => examplesOf(item as unknown as z.ZodType)[0])];
  if (schema instanceof z.ZodRecord)
    return examplesOf(schema.valueType as z.ZodType).map((value) => ({ digits: value }));
  if (schema instanceof z.ZodLiteral) return [...schema.values];
  if (schema instanceof z.ZodEnum) return [schema.options[0]];
  if (schema instanceof z.ZodBoolean) return [true];
  if (schema instanceof z.ZodNumber) return firstAccepted(schema, numbers);
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat) return firstAccepted(schema, strings);
  return firstAccepted(schema, [...strings, ...numbers, {}]);
}

/** As many of the item as the array must have. */
function shortest(schema: z.ZodArray, item: unknown): unknown[] {
  const lengths = [1, 2, 3, 4].map((length) => Array.from({ length }, () => item));
  return lengths.find((items) => schema.safeParse(items).success) ?? [item];
}

/** What its fields' examples need at most, and one with no field but those that must be there. */
function objectsOf(schema: z.ZodObject): unknown[] {
  const fields = Object.entries(schema.shape as Record<string, z.ZodType>).map(([key, field]) => ({
    key,
    field,
    examples: examplesOf(field),
  }));
  const most = Math.max(1, ...fields.map(({ examples }) => examples.length));
  const whole = Array.from({ length: most }, (_, i) =>
    Object.fromEntries(fields.map(({ key, examples }) => [key, examples[i % examples.length]])),
  );
  const needed = fields.filter(({ field }) => !field.safeParse(undefined).success);
  const least = needed.map(({ key, examples }) => [key, examples.at(-1)] as const);
  return needed.length === fields.length ? whole : [...whole, Object.fromEntries(least)];
}

/** The path of every leaf. */
export function fieldsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return Object.entries(value).flatMap(([key, item]) =>
    fieldsOf(item, [...at, Array.isArray(value) ? Number(key) : key]),
  );
}

export function withField(value: unknown, path: Path, field: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return field;
  if (Array.isArray(value)) return value.map((item: unknown, i) => (i === key ? withField(item, rest, field) : item));
  const object = value as Record<string, unknown>;
  return { ...object, [key]: withField(object[key], rest, field) };
}

/** A further key beside the one that the path ends in. */
export function withKey(value: unknown, path: Path, key: string): unknown {
  const last = path.at(-1);
  if (typeof last !== 'string') throw new Error('an array has no keys');
  return withField(value, [...path.slice(0, -1), key], 'x');
}
