import { z } from 'zod';

/** A target that was taken back: no device may begin to run it, also one that has it already. */
export interface Withdrawal {
  /** As it was listed. */
  path: string;
  /** 64 lower-case hex digits: what is meant, whatever its path. */
  sha256: string;
  reason: string;
  withdrawnAt: string;
}

const Withdrawals = z.array(
  z.object({
    path: z.string().min(1).max(1024),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    reason: z.string().max(500),
    withdrawnAt: z.iso.datetime(),
  }),
);

/**
 * The withdrawals in the signed part of targets metadata, at `custom.withdrawn`. TUF (specification 4.2) has clients keep
 * and verify members that they do not know, so the record is signed like the rest and other clients read past it.
 * @throws when they are there and malformed: reading past them would let a withdrawn model run
 */
export function withdrawalsIn(unrecognized: Readonly<Record<string, unknown>>): Withdrawal[] {
  const { custom } = unrecognized;
  if (custom === undefined) return [];
  if (typeof custom !== 'object' || custom === null || Array.isArray(custom)) {
    throw new Error('custom: expected an object');
  }
  const { withdrawn } = custom as Record<string, unknown>;
  if (withdrawn === undefined) return [];
  const parsed = Withdrawals.safeParse(withdrawn);
  if (parsed.success) return parsed.data;
  const bad = parsed.error.issues.map((issue) => `custom.withdrawn.${issue.path.join('.')}: ${issue.message}`);
  throw new Error(bad.join('; '));
}
