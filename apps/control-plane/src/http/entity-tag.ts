/**
 * Entity tags (RFC 9110, section 8.8.3) of answers in JSON: `"<members that people change>-<whole answer>"`, or the second
 * alone where nothing is changed on that path.
 */
import { createHash } from 'node:crypto';
import { routes, type Route } from '@verge/contracts';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** The GET that answers the state of which an operation's If-Match speaks: on its own path, or on that of its noun. */
export function stateRouteOf(route: Route): [name: string, route: Route] | undefined {
  const noun = route.method === 'POST' ? route.path.replace(/\/[^/{]+$/, '') : route.path;
  if (!noun.endsWith('}')) return undefined;
  return Object.entries<Route>(routes).find(
    ([, other]) => other.method === 'GET' && other.path === noun && other.response !== undefined,
  );
}

function changedMembers(path: string): string[] {
  const all = Object.values<Route>(routes).filter((route) => route.path === path);
  return [...new Set(all.flatMap((route) => route.changes ?? []))].sort();
}
const membersOf = new Map(Object.values<Route>(routes).map(({ path }) => [path, changedMembers(path)]));

export function entityTag(path: string, answer: unknown, text = JSON.stringify(answer)): string {
  const members = membersOf.get(path) ?? [];
  if (members.length === 0) return `"${hash(text)}"`;
  const object = answer as Record<string, unknown>;
  return `"${hash(JSON.stringify(members.map((name) => object[name] ?? null)))}-${hash(text)}"`;
}

const tagsIn = (header: string): string[] => header.split(',').map((tag) => tag.trim());

/** If-None-Match (section 13.1.2): weak comparison. */
export const noneMatch = (header: string, tag: string): boolean =>
  header.trim() !== '*' && !tagsIn(header).some((each) => each.replace(/^W\//, '') === tag);

/**
 * If-Match (section 13.1.1): strong comparison. Of a tag in two halves the first is compared: the second changes with every
 * report of a device, which is no change that a person could overwrite.
 */
export function matches(header: string, tag: string): boolean {
  const compared = (each: string): string => each.replace(/-[0-9a-f]+(?="$)/, '');
  return header.trim() === '*' || tagsIn(header).some((each) => compared(each) === compared(tag));
}
