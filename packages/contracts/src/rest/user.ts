import { z } from 'zod';
import { Id, Instant, Slug } from '../identifiers.js';
import { freeText } from '../text.js';
import { RoleName } from './route.js';

export const Email = z.email().max(254);
export const Password = freeText(z.string().min(10, 'expected at least 10 characters').max(256));

export const User = z.object({
  id: Id,
  email: Email,
  name: z.string(),
  /** May create projects and manage users. */
  administrator: z.boolean(),
  /** Since when nothing of the user is let in; null for one that may log in. */
  disabledAt: Instant.nullable(),
  createdAt: Instant,
  memberships: z.array(z.object({ project: Slug, role: RoleName })),
});
export type User = z.infer<typeof User>;
