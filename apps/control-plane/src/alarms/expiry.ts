/** What expires, and when a person should hear of it: pure functions of what is known and the time. */
import type { Alarm } from '@verge/contracts';

const dayMs = 86_400_000;

export interface Expiry {
  readonly code: Alarm['code'];
  readonly subject: string;
  /** The subject in a sentence, where it is not its own name. */
  readonly words?: string;
  readonly expiresAt: Date;
  /** What to do, and what happens otherwise. */
  readonly advice: string;
}

/** Days before the end from which on it is an alarm: long enough for people to get at their keys, or plan a stop. */
const warnDays: Readonly<Record<string, number>> = {
  timestamp: 10,
  snapshot: 30,
  targets: 60,
  root: 120,
  DIRECTOR_ROOT_EXPIRES: 120,
  AUTHORITY_EXPIRES: 365,
  SERVER_CERTIFICATE_EXPIRES: 60,
  DEVICE_CERTIFICATES_EXPIRE: 7,
};

export function warnBefore({ code, subject }: Pick<Expiry, 'code' | 'subject'>): number {
  return (code === 'RELEASE_METADATA_EXPIRES' ? warnDays[subject] : warnDays[code]) ?? 30;
}

/** Until when a device's certificate ends soon. */
export const certificatesSoon = (now: Date): Date =>
  new Date(now.getTime() + warnBefore({ code: 'DEVICE_CERTIFICATES_EXPIRE', subject: '' }) * dayMs);

export function expiryAlarm(expiry: Expiry, now: Date): Alarm | null {
  const left = (expiry.expiresAt.getTime() - now.getTime()) / dayMs;
  if (left > warnBefore(expiry)) return null;
  const { code, subject, words = subject, advice } = expiry;
  const when =
    left < 0
      ? `expired ${Math.floor(-left)} days ago`
      : `${left < 1 ? 'expires today' : `expires in ${Math.floor(left)} days`}`;
  return { code, subject, expiresAt: expiry.expiresAt.toISOString(), message: `${words} ${when}; ${advice}` };
}

/** The soonest first; what has no end comes last. */
export function bySoonest(a: Alarm, b: Alarm): number {
  const at = ({ expiresAt }: Alarm) => (expiresAt === null ? Infinity : Date.parse(expiresAt));
  return at(a) === at(b) ? 0 : at(a) - at(b);
}
