import { createHash, randomBytes } from 'node:crypto';

/** What a secret is for can be read off it; 256 random bits follow. */
export type SecretKind = 'session' | 'api' | 'enroll';
const prefixes: Record<SecretKind, string> = { session: 'vgs_', api: 'vga_', enroll: 'vge_' };

export const newSecret = (kind: SecretKind): string => prefixes[kind] + randomBytes(32).toString('base64url');

/** sha256, hex: enough for a secret of 256 random bits, and it can be looked up by. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

export const isSecret = (kind: SecretKind, text: string): boolean => text.startsWith(prefixes[kind]);
