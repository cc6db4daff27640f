/** Parameters of a request. One that is not honoured is refused by its name: ignored, it would change the answer silently. */
import { z } from 'zod';

/** Open Inference Protocol v2, "Parameters". */
export const Parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
export type Parameters = z.infer<typeof Parameters>;

/** What is honoured, by where it stands. */
const honoured = {
  request: ['binary_data_output', 'preprocess'],
  input: ['binary_data_size'],
  output: ['binary_data', 'classification'],
} as const;

/** Extensions of the protocol that this server does not have, and what to do instead. */
const refused: readonly (readonly [RegExp, string])[] = [
  [/^shared_memory_/, 'shared memory is not used here; send and ask for tensors in the body'],
  [/^sequence_/, 'models keep no state between requests here'],
  [/^(priority|timeout)$/, 'requests are answered in their order'],
];

/** Adds a line to `bad` for every parameter that is not honoured there. */
export function checkParameters(place: keyof typeof honoured, at: string, given: Parameters, bad: string[]): void {
  const known: readonly string[] = honoured[place];
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const why = refused.find(([pattern]) => pattern.test(name))?.[1];
    bad.push(`${at}parameters.${name}: ${why ?? `not known here; known are ${known.join(' and ')}`}`);
  }
}

/** A parameter that is true or false. */
export function flag(given: Parameters, name: string, at: string, fallback: boolean, bad: string[]): boolean {
  const value = Object.hasOwn(given, name) ? given[name] : fallback;
  if (typeof value === 'boolean') return value;
  bad.push(`${at}parameters.${name}: expected true or false`);
  return fallback;
}
