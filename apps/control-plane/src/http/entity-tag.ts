/**
 * Entity tags (RFC 9110, section 8.8.3) of answers in JSON: `"<members that people change>-<whole answer>"`, or the second
 * alone where nothing is changed on that path.
 */
import { createHash } from 'node:crypto';
import { routes, type Route } from '@verge/contracts';

const hash = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** Of bytes that nobody changes through the API. */
export const bytesTag = (bytes: Uint8Array): string => `"${hash(bytes)}"`;

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

/**
 * The same answer in another coding has other bytes, and so another strong tag (RFC 9110, section 8.8.3.3): `"tag"` becomes
 * `"tag-br"`. Whoever sends one back speaks of the same state, in whatever coding it was read.
 */
export const codedTag = (tag: string, coding: string): string => tag.replace(/"$/, `-${coding}"`);
const uncoded = (tag: string): string => tag.replace(/-(gzip|deflate|br|zstd)(?="$)/, '');

const tagsIn = (header: string): string[] => header.split(',').map((tag) => tag.trim());

/**
 * If-None-Match (section 13.1.2): weak comparison.
 * @returns the tag of the answer that the caller has, as it was sent; undefined when it has none that is still true
 */
export const knownTag = (header: string, tag: string): string | undefined =>
  header.trim() === '*'
    ? tag
    : tagsIn(header)
        .map((each) => each.replace(/^W\//, ''))
        .find((each) => uncoded(each) === tag);

/**
 * If-Match (section 13.1.1): strong comparison. Of a tag in two halves the first is compared: the second changes with every
 * report of a device, which is no change that a person could overwrite.
 */
export function matches(header: string, tag: string): boolean {
  const compared = (each: string): string => uncoded(each).replace(/-[0-9a-f]+(?="$)/, '');
  return header.trim() === '*' || tagsIn(header).some((each) => compared(each) === compared(tag));
}
