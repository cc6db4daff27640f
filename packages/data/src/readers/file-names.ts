/** What the names of files say of the samples in them: class and part. */
import { z } from 'zod';
import { DataError } from '../errors.js';
import type { Part } from '../samples.js';

/** Which values of a field are meant: all conditions that are given must hold. */
const Condition = z.strictObject({
  field: z.string(),
  /** A number from this on. */
  from: z.number().optional(),
  /** A number below this. */
  below: z.number().optional(),
  /** One of these texts. */
  in: z.array(z.string()).min(1).optional(),
});
type Condition = z.infer<typeof Condition>;

/** A pattern such as `{digit}_{speaker}_{n}.wav`; each field is text without the characters that follow it. */
export const FileNames = z.strictObject({
  pattern: z.string().min(1).max(255),
  /** The field that names the class; `label` when absent. */
  label: z.string().optional(),
  /** A field whose equal values belong together, such as a speaker: splits keep them in one part. */
  group: z.string().optional(),
  /** Samples of the test part, and of the validation part; all others are for training. */
  test: Condition.optional(),
  validation: Condition.optional(),
});
export type FileNames = z.infer<typeof FileNames>;

interface Named {
  readonly label: string;
  readonly part: Part | null;
  readonly group: string | null;
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A field stops before the first character of what follows it, so that no name can be read in two ways. */
function expressionOf(pattern: string): { expression: RegExp; fields: string[]; problems: string[] } {
  const fields: string[] = [];
  const problems: string[] = [];
  const pieces = pattern.split(/\{([A-Za-z][A-Za-z0-9]*)\}/);
  let source = '';
  pieces.forEach((piece, i) => {
    if (i % 2 === 0) {
      source += escape(piece);
      return;
    }
    const [next] = [...(pieces[i + 1] as string)];
    if (next === undefined && i + 2 < pieces.length)
      problems.push(`'${pattern}' has nothing between {${piece}} and {${pieces[i + 2]}}`);
    source += next === undefined ? '(.+)' : `([^${next === '-' ? '-' : escape(next)}]+)`;
    fields.push(piece);
  });
  return { expression: new RegExp(`^${source}$`, 'u'), fields, problems };
}

const holds = ({ from, below, in: list }: Condition, value: string): boolean =>
  (from === undefined || Number(value) >= from) &&
  (below === undefined || Number(value) < below) &&
  (list === undefined || list.includes(value));

/**
 * @returns reads one name; null where it does not fit the pattern
 * @throws DataError `bad-setting` naming every field that the pattern does not have, has twice or cannot tell from the next
 */
export function nameReader(names: FileNames): (name: string) => Named | null {
  const { expression, fields, problems } = expressionOf(names.pattern);
  const { label = 'label', group, test, validation } = names;
  const wanted = [
    label,
    ...(group === undefined ? [] : [group]),
    ...[test, validation].flatMap((condition) => (condition ? [condition.field] : [])),
  ];
  const lacking = wanted.filter((field) => !fields.includes(field));
  const twice = fields.filter((field, i) => fields.indexOf(field) !== i);
  problems.push(
    ...lacking.map((field) => `'${names.pattern}' has no field {${field}}`),
    ...twice.map((field) => `'${names.pattern}' has the field {${field}} twice`),
  );
  if (problems.length > 0) throw new DataError('bad-setting', problems.join('; '), { problems });
  return (name) => {
    const match = expression.exec(name);
    if (!match) return null;
    const value = (field: string): string => match[fields.indexOf(field) + 1] as string;
    const is = (condition: Condition | undefined): boolean =>
      condition !== undefined && holds(condition, value(condition.field));
    const part = is(test) ? 'test' : is(validation) ? 'validation' : 'train';
    return {
      label: value(label),
      part: test || validation ? part : null,
      group: group === undefined ? null : value(group),
    };
  };
}
