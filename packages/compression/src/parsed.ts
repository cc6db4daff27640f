/** What callers hand over, read by a schema: every bad field is named at once. */
import { CompressionError } from './errors.js';

interface Issue {
  path: readonly PropertyKey[];
  message: string;
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { issues: readonly Issue[] } };
}

/** @throws CompressionError `bad-recipe` */
export function parsed<T>(schema: Schema<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    (issue) => `${[what, ...issue.path.map(String)].join('.')}: ${issue.message}`,
  );
  throw new CompressionError('bad-recipe', problems.join('; '), { problems });
}
