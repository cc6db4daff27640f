/** Small words used everywhere: identifiers, digests, times. */
import { z } from 'zod';

/** sha256 of the content, lower-case hex, as in OCI image-spec descriptors. */
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 lower-case hex digits>');
export type Digest = z.infer<typeof Digest>;

/** A name that people type: lower-case letters, digits, dots and dashes; 1 to 63 characters. */
export const Slug = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/, 'expected 1-63 lower-case letters, digits, dots or dashes');
export type Slug = z.infer<typeof Slug>;

export const Id = z.uuid();
export type Id = z.infer<typeof Id>;

/** RFC 3339 date-time in UTC. */
export const Instant = z.iso.datetime();
export type Instant = z.infer<typeof Instant>;
