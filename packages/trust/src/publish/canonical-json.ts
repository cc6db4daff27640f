import { TrustError } from '../errors.js';

/** What canonical JSON can carry: JSON without fractions. */
export type CanonicalValue =
  string | number | boolean | null | readonly CanonicalValue[] | { readonly [key: string]: CanonicalValue };

/**
 * The bytes that TUF signatures are made over: OLPC canonical JSON, which the TUF specification (section 4.2) names.
 * Keys sorted, no white space, integers only, and of all characters only `"` and `\` escaped - so the result is not
 * always JSON (control characters stay as they are), and it is never what a metadata file contains.
 * @throws TrustError `input-invalid` for fractions, unsafe integers, lone surrogates and keys whose order is disputed
 */
export function canonicalize(value: CanonicalValue): Uint8Array {
  return new TextEncoder().encode(encode(value, '$'));
}

function encode(value: CanonicalValue, at: string): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return encodeString(value, at);
  if (typeof value === 'number') {
    // -0 has two spellings; implementations differ.
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) refuse(at, `expected a safe integer, got ${value}`);
    return String(value);
  }
  if (isList(value)) return `[${value.map((item, index) => encode(item, `${at}[${index}]`)).join(',')}]`;
  if (typeof value !== 'object') return refuse(at, `expected a JSON value, got ${typeof value}`);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => encodeMember(key, value[key], at)).join(',')}}`;
}

function encodeMember(key: string, value: CanonicalValue | undefined, at: string): string {
  // Sorting by code point and by UTF-16 unit differ only here, and implementations do both.
  if (/[\ud800-\udfff]/.test(key)) refuse(`${at}.${key}`, 'expected a key within the Basic Multilingual Plane');
  if (value === undefined) refuse(`${at}.${key}`, 'expected a JSON value, got undefined');
  return `${encodeString(key, at)}:${encode(value, `${at}.${key}`)}`;
}

function encodeString(value: string, at: string): string {
  if (/\p{Surrogate}/u.test(value)) refuse(at, 'expected well-formed Unicode, got a lone surrogate');
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

function isList(value: CanonicalValue): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}

function refuse(at: string, reason: string): never {
  throw new TrustError('input-invalid', `${at}: ${reason}`);
}
