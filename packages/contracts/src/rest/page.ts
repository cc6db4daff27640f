/** Cursor pagination: opaque cursors, newest first unless a route says otherwise. */
import { z } from 'zod';

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(512).optional(),
};
export const PageQuery = z.strictObject(pageQuery);

export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });
