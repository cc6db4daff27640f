/** A JSON log line as people read it: time, level, message, fields. */
import { z } from 'zod';

const Line = z.looseObject({ level: z.number(), time: z.number(), msg: z.string().default('') });

const names: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO ',
  40: 'WARN ',
  50: 'ERROR',
  60: 'FATAL',
};
const colours: Readonly<Record<number, string>> = { 40: '\u001b[33m', 50: '\u001b[31m', 60: '\u001b[31m' };

/** Lines that are not JSON pass unchanged. */
export function prettyLine(line: string, colour: boolean): string {
  let parsed;
  try {
    parsed = Line.safeParse(JSON.parse(line));
  } catch {
    return line;
  }
  if (!parsed.success) return line;
  const { level, time, msg, ...rest } = parsed.data;
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const text = [new Date(time).toISOString(), names[level] ?? String(level), msg, ...fields].join(' ');
  const paint = colour ? colours[level] : undefined;
  return paint ? `${paint}${text}\u001b[0m` : text;
}
