/** Small words used everywhere: identifiers, digests, times. */
import { z } from 'zod';

/** sha256 of the content, lower-case hex, as in OCI image-spec descriptors. */
export const Digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 lower-case hex digits>')
  .meta({ id: 'Digest' });
export type Digest = z.infer<typeof Digest>;

/** A name that people type: lower-case letters, digits, dots and dashes; 1 to 63 characters. */
export const Slug = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/, 'expected 1-63 lower-case letters, digits, dots or dashes')
  .meta({ id: 'Slug' });
export type Slug = z.infer<typeof Slug>;

/** Any UUID of RFC 9562, of whatever version: which one is the server's business. */
export const Id = z.guid('expected a UUID').meta({ id: 'Id' });
export type Id = z.infer<typeof Id>;

/**
 * RFC 3339 date-time in UTC: a day that the calendar has, of the years 0001 to 9999 that PostgreSQL and ECMAScript both write
 * in this form, with at most nine digits after the second.
 */
export const Instant = z.iso
  .datetime()
  .regex(/^(?!0000)[^.]*(\.[0-9]{1,9})?Z$/, 'expected a time of the years 0001 to 9999, such as 2026-01-31T12:00:00Z')
  .meta({ id: 'Instant' });
export type Instant = z.infer<typeof Instant>;
