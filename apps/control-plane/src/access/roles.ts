import { roles, type Role } from '@verge/contracts';

export const atLeast = (has: Role, needs: Role): boolean => roles.indexOf(has) >= roles.indexOf(needs);
export const lesser = (a: Role, b: Role): Role => (atLeast(a, b) ? b : a);
