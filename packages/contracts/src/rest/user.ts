import { z } from 'zod';
import { Id, Instant, Slug } from '../identifiers.js';
import { freeText } from '../text.js';
import { RoleName } from './route.js';

export const Email = z.email().max(254).meta({ id: 'Email' });
export const Password = freeText(
  z.string().min(10, 'expected at least 10 characters').max(256).meta({ id: 'Password' }),
);

export const User = z
  .object({
    id: Id,
    email: Email,
    name: z.string(),
    administrator: z.boolean().describe('may create projects and manage users'),
    disabledAt: Instant.nullable().describe('since when nothing of the user is let in; null for one that may log in'),
    createdAt: Instant,
    memberships: z.array(z.object({ project: Slug, role: RoleName })),
  })
  .meta({ id: 'User' });
export type User = z.infer<typeof User>;
