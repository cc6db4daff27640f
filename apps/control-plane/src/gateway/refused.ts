import type { ServerUnaryCall } from '@grpc/grpc-js';
import { anonymous, type Actor } from '../audit/audit.service.js';
import type { Refusals } from '../audit/refusals.js';
import { addressIn } from '../http/client-address.js';
import type { PeerOf } from './peer.js';
import { peerIdentity } from './peer.js';
import { GatewayError } from './status.js';

export type DeviceCall = PeerOf & Pick<ServerUnaryCall<unknown, unknown>, 'getPath' | 'getPeer'>;

/** Does the work; where that refuses a device, or who says to be one, it is written to the audit. */
export async function auditRefusal<T>(refusals: Refusals, call: DeviceCall, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    recordRefusal(refusals, call, error);
    throw error;
  }
}

function recordRefusal(refusals: Refusals, call: DeviceCall, error: unknown): void {
  if (!(error instanceof GatewayError)) return;
  if (error.code !== 'UNAUTHENTICATED' && error.code !== 'PERMISSION_DENIED') return;
  const { actor, projectId } = deviceOf(call);
  // /verge.v1.Device/Watch: the operation is device.watch
  const method = call.getPath().split('/').pop() ?? '';
  const operation = `device.${method.charAt(0).toLowerCase()}${method.slice(1)}`;
  const proven = actor !== anonymous;
  refusals.record({ actor, proven, projectId, operation, reason: error.message, source: addressOf(call.getPeer()) });
}

/** The authority signed what the certificate says, whatever has become of the device since. */
function deviceOf(call: PeerOf): { actor: Actor; projectId: string | null } {
  try {
    const { deviceId, projectId } = peerIdentity(call, new Date(0));
    return { actor: { kind: 'device', id: deviceId, name: deviceId }, projectId };
  } catch {
    return { actor: anonymous, projectId: null };
  }
}

/** host:port without the port, which is another with every connection. */
const addressOf = (peer: string): string => addressIn(peer) ?? '';
