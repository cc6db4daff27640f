/** Who holds an open stream, and how the ends of credentials are announced. */
import type { Role } from '@verge/contracts';
import type { AnyCaller } from '../http/request.js';

export interface CredentialHolder {
  readonly kind: 'session' | 'token';
  readonly id: string;
  readonly userId: string;
  /** null: the stream is of no project. */
  readonly projectId: string | null;
  /** The least role that the stream needs. */
  readonly needs: Role;
  readonly expiresAt: Date | null;
}
export interface DeviceHolder {
  readonly kind: 'device';
  readonly id: string;
  /** Of the certificate that the connection was made with. */
  readonly serial: string;
  readonly expiresAt: Date;
}
export type Holder = CredentialHolder | DeviceHolder;

/** Topic on which whose right has changed is announced to every control plane; the payload is keys. */
export const ACCESS_TOPIC = 'access';
export type AccessKey = `${'session' | 'token' | 'user' | 'device'}:${string}`;
/** As many keys as fit into one NOTIFY. */
const keysPerEvent = 120;

export function keysOf(holder: Holder): AccessKey[] {
  const own: AccessKey = `${holder.kind}:${holder.id}`;
  return holder.kind === 'device' ? [own] : [own, `user:${holder.userId}`];
}

/** Call it after the change is committed: each control plane then asks the database, and cuts what has lost its right. */
export function announceAccess(
  bus: { publish(topic: string, payload: unknown): void },
  keys: readonly AccessKey[],
): void {
  for (let i = 0; i < keys.length; i += keysPerEvent) bus.publish(ACCESS_TOPIC, keys.slice(i, i + keysPerEvent));
}

export function holderOf(caller: AnyCaller, needs: Role): CredentialHolder {
  const { kind, id, expiresAt } = caller.credential;
  return { kind, id, userId: caller.user.id, projectId: caller.project?.id ?? null, needs, expiresAt };
}
