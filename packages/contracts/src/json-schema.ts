/** JSON Schema of the documents that people write: what editors and other programs check them by. */
import { z } from 'zod';

type Json = Record<string, unknown>;

/**
 * JSON Schema 2020-12 of what may be written: fields with a default may be left out. Named parts are under `$defs`; the
 * document itself stands at the root, where readers that follow no reference look.
 */
export function documentJsonSchema(schema: z.ZodType): Json {
  const { $schema, $ref, $defs, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' }) as Json & {
    $ref?: string;
    $defs?: Record<string, Json>;
  };
  const name = $ref?.replace('#/$defs/', '');
  if (name === undefined || !$defs?.[name]) return { $schema, ...rest, ...($defs ? { $defs } : {}) };
  const { [name]: root, ...others } = $defs;
  return { $schema, ...root, ...rest, ...(Object.keys(others).length > 0 ? { $defs: others } : {}) };
}
