/** YAML or JSON text (JSON is YAML) checked by a schema: the value, or every bad field with the line it stands on. */
import { fieldErrors } from '@verge/contracts';
import { isMap, isPair, LineCounter, parseDocument as parseYaml, type Document } from 'yaml';
import type { z } from 'zod';

export interface Fault {
  /** JSON pointer into the document. */
  field: string;
  /** What was expected. */
  detail: string;
  line: number | null;
}

export type Parsed<T> = { ok: true; value: T; faults: readonly [] } | { ok: false; faults: readonly Fault[] };

export function parseDocument<S extends z.ZodType>(text: string, schema: S): Parsed<z.output<S>> {
  const lines = new LineCounter();
  const document = parseYaml(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({
      field: '/',
      detail: error.message,
      line: lines.linePos(error.pos[0]).line,
    }));
    return { ok: false, faults };
  }
  const parsed = schema.safeParse(document.toJS());
  if (parsed.success) return { ok: true, value: parsed.data, faults: [] };
  const faults = fieldErrors(parsed.error).map((error) => ({ ...error, line: lineOf(document, error.field, lines) }));
  return { ok: false, faults };
}

/** The line of the field a pointer names, or of the nearest one around it that exists. */
function lineOf(document: Document, pointer: string, lines: LineCounter): number | null {
  const path = pointer
    .split('/')
    .slice(1)
    .filter((part) => part !== '')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  for (let length = path.length; length > 0; length -= 1) {
    const start = startOf(document, path.slice(0, length));
    if (start !== null) return lines.linePos(start).line;
  }
  return null;
}

function startOf(document: Document, path: readonly string[]): number | null {
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  const key = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && String(item.key) === key);
    const range = (pair?.key as { range?: [number, number, number] } | null | undefined)?.range;
    return range?.[0] ?? null;
  }
  const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined;
  return node?.range?.[0] ?? null;
}
