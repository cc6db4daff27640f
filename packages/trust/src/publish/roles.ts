import { refuseBad } from '../errors.js';
import type { CanonicalValue } from './canonical-json.js';

/** The four top-level roles of TUF 1.0 (specification 2.1). */
export const roles = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type Role = (typeof roles)[number];

/** The specification that this writer follows. */
export const specVersion = '1.0.31';

/** Days until a role's metadata expires. A device refuses to install from a repository whose timestamp is older. */
export type Lifetimes = Partial<Record<Role, number>>;

export const defaultLifetimes: Record<Role, number> = { root: 365, targets: 180, snapshot: 90, timestamp: 30 };

/** One file that may be installed: `path` is its name in the repository, `length` its bytes. */
export interface Target {
  path: string;
  length: number;
  /** 64 lower-case hex digits. */
  sha256: string;
  /** Anything that canonical JSON can carry, signed with the rest. */
  custom?: Readonly<Record<string, CanonicalValue>>;
}

/** A path that means the same on every file system, in every URL and as a key of a JavaScript object. */
const targetPath = /^(?!__proto__$)(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._@+=~-]+(?:\/[A-Za-z0-9._@+=~-]+)*$/;

/** Every bad field of every target, all at once. */
export function checkTargets(targets: readonly Target[]): void {
  const bad: string[] = [];
  const seen = new Set<string>();
  for (const [index, target] of targets.entries()) {
    const at = `targets[${index}]`;
    if (!targetPath.test(target.path) || target.path.length > 1024)
      bad.push(`${at}.path: expected a relative path of letters, digits and ._@+=~-`);
    if (seen.has(target.path)) bad.push(`${at}.path: ${target.path} is there twice`);
    seen.add(target.path);
    if (!Number.isSafeInteger(target.length) || target.length < 0) bad.push(`${at}.length: expected a number of bytes`);
    if (!/^[0-9a-f]{64}$/.test(target.sha256)) bad.push(`${at}.sha256: expected 64 lower-case hex digits`);
  }
  refuseBad('targets', bad);
}

/** TUF specification 4.2: ISO 8601 in UTC, whole seconds. */
export function expiry(expires: Date): string {
  refuseBad('expiry', Number.isNaN(expires.getTime()) ? ['expires: expected a date'] : []);
  return `${expires.toISOString().slice(0, 19)}Z`;
}

export function expiryAfter(role: Role, lifetimes: Lifetimes | undefined, now: Date): string {
  const days = lifetimes?.[role] ?? defaultLifetimes[role];
  refuseBad(
    'lifetimes',
    days > 0 && Number.isFinite(days) ? [] : [`${role}: expected a positive number of days, got ${days}`],
  );
  return expiry(new Date(now.getTime() + days * 24 * 60 * 60 * 1000));
}

/** What a person says about a target that is taken back. */
export interface Withdraw {
  path: string;
  reason: string;
}

/** Every bad field of every withdrawal, all at once. */
export function checkWithdraw(withdraw: readonly Withdraw[]): void {
  const bad: string[] = [];
  for (const [index, { path, reason }] of withdraw.entries()) {
    if (withdraw.findIndex((other) => other.path === path) !== index) {
      bad.push(`withdraw[${index}].path: ${path} is there twice`);
    }
    // It is shown on terminals and pages for years.
    if (!/^[^\p{Cc}\p{Surrogate}]{1,500}$/u.test(reason)) {
      bad.push(`withdraw[${index}].reason: expected 1 to 500 characters, none of them a control character`);
    }
  }
  refuseBad('withdrawals', bad);
}
