/** Configurations and recipes as files: YAML or JSON, checked, every bad field named. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { z } from 'zod';
import { CliError, fieldLines } from './errors.js';

/**
 * @param further what the schema does not know, as a line for each bad field
 * @throws CliError that lists every field that is not as expected
 */
export async function readDocument<T extends z.ZodType>(
  path: string,
  schema: T,
  what: string,
  further: (value: unknown) => readonly string[] = () => [],
): Promise<z.output<T>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CliError('missing', `cannot read the ${what} '${path}'`, [cause instanceof Error ? cause.message : ''], {
      cause,
    });
  });
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new CliError('usage', `'${path}' is neither YAML nor JSON`, [cause instanceof Error ? cause.message : ''], {
      cause,
    });
  }
  const parsed = schema.safeParse(value);
  const lines = [...(parsed.success ? [] : fieldLines(parsed.error)), ...further(value)];
  if (!parsed.success || lines.length > 0)
    throw new CliError('usage', `'${path}' is not a ${what}`, lines, { cause: parsed.error });
  return parsed.data;
}
